"""What operators do to jobs and queues while workers are at it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from taskyard import cancel, enqueue_many, get_result, job_metadata, retry, run_now
from taskyard.compat import Task, TaskResult
from taskyard.models import Job
from taskyard.pauses import pause_queue, resume_queue
from taskyard.results import JobResult
from taskyard.states import JobState
from taskyard.waiting import wait_until

from . import tasks
from .engine import EngineUnderTest

CANCELLED_IN = 15.0
"""Seconds within which a running job is gone. The promise is 2; a test machine may be busy, and nothing
else would end the job at all."""


class TestCancelling:
    """Cancelling a job that runs; for one that waits see `TestScheduling`."""

    @pytest.mark.parametrize(
        "task", [tasks.wait_to_be_cancelled, tasks.wait_to_be_cancelled_async], ids=["sync", "async"]
    )
    def test_a_running_job_is_stopped(self, engine: EngineUnderTest, task: Task) -> None:
        result = engine.on(task).enqueue()
        worker = engine.worker()
        wait_until(engine.effects, "it runs")

        cancel(result)

        wait_until(lambda: get_result(result.id).is_finished, "it is cancelled", CANCELLED_IN)
        found = get_result(result.id)
        assert Job.objects.get(pk=result.id).state == JobState.CANCELLED
        assert found.errors[-1].exception_class_path == "taskyard.exceptions.Cancelled"
        engine.on(tasks.leave).enqueue("the worker goes on")
        engine.finish()
        assert engine.effects() == ["started", "the worker goes on"]
        assert worker.process.poll() is None


class TestPausing:
    """A paused queue: its jobs wait, on every engine."""

    def test_waiting_jobs_wait_on_and_other_queues_go_on(self, engine: EngineUnderTest) -> None:
        first, second = engine.queues
        pause_queue(second)
        engine.on(tasks.leave, queue_name=second).enqueue("paused")
        engine.worker().wait_for_log("is ready")
        engine.on(tasks.leave, queue_name=second).enqueue("enqueued while paused")
        for number in range(3):
            engine.on(tasks.leave, queue_name=first).enqueue(str(number))

        wait_until(lambda: len(engine.effects()) == 3, "the other queue's jobs ran")
        assert sorted(engine.effects()) == ["0", "1", "2"]

        resume_queue(second)
        engine.finish(30)

        assert sorted(engine.effects()[3:]) == ["enqueued while paused", "paused"]

    def test_running_jobs_finish(self, engine: EngineUnderTest) -> None:
        engine.on(tasks.wait_for_test).enqueue("job")
        engine.worker()
        wait_until(engine.effects, "it runs")

        pause_queue("default")
        engine.go_on()

        engine.finish()
        assert engine.effects() == ["job started", "job finished"]

    def test_a_worker_in_burst_mode_leaves_paused_jobs(self, engine: EngineUnderTest) -> None:
        pause_queue("default")
        engine.on(tasks.leave).enqueue("paused")

        worker = engine.worker("--burst")

        assert worker.ended() == 0, worker.log
        assert engine.effects() == []


class TestRetrying:
    """Jobs that an operator wants to run again, or now."""

    def test_a_failed_job_runs_again_and_keeps_its_history(self, engine: EngineUnderTest) -> None:
        result = engine.on(tasks.fail).enqueue("on purpose")
        engine.worker()
        engine.finish()

        retry(result)
        engine.finish()

        found = get_result(result.id)
        assert found.status == "FAILED"
        assert [error.exception_class for error in found.errors] == [ValueError, ValueError]

    def test_a_deferred_job_runs_at_once_if_asked_to(self, engine: EngineUnderTest) -> None:
        later = timezone.now() + timedelta(hours=1)
        result = engine.on(tasks.leave, run_after=later).enqueue("now")
        engine.worker()

        run_now(result)
        engine.finish()

        assert engine.effects() == ["now"]


def _is_duplicate(result: TaskResult) -> bool:
    assert isinstance(result, JobResult)
    return result.is_duplicate


class TestUniqueness:
    """Jobs of which there may be one at a time."""

    def test_a_second_one_is_the_first(self, engine: EngineUnderTest) -> None:
        first, second, other = enqueue_many(
            engine.on(tasks.be_the_only_one), [("same",), ("same",), ("other",)]
        )
        engine.worker()
        wait_until(lambda: len(engine.effects()) == 2, "both run")
        while_it_runs = engine.on(tasks.be_the_only_one).enqueue("same")

        assert first.id == second.id == while_it_runs.id != other.id
        assert [_is_duplicate(result) for result in (first, second, while_it_runs)] == [False, True, True]
        engine.go_on()
        engine.finish()
        assert engine.on(tasks.be_the_only_one).enqueue("same").id != first.id
        engine.finish()
        assert sorted(engine.effects()) == ["other", "same", "same"]


class TestWordsOfTheTask:
    """What a task may say of its own job, and what it is told."""

    def test_a_task_puts_itself_off_uncounted(self, engine: EngineUnderTest) -> None:
        result = engine.on(tasks.snooze_twice).enqueue()
        engine.worker()

        engine.finish()

        assert engine.effects() == ["attempt 1"] * 3
        assert get_result(result.id).status == "SUCCESSFUL"
        assert get_result(result.id).errors == []

    def test_a_task_gives_up(self, engine: EngineUnderTest) -> None:
        result = engine.on(tasks.give_up_at_once).enqueue()
        engine.worker()

        engine.finish()

        assert engine.effects() == ["tried"]
        assert get_result(result.id).status == "FAILED"

    def test_a_task_asks_for_another_try(self, engine: EngineUnderTest) -> None:
        result = engine.on(tasks.ask_for_another_try).enqueue()
        engine.worker()

        engine.finish()

        assert engine.effects() == ["tried", "tried"]
        assert get_result(result.id).status == "SUCCESSFUL"

    @pytest.mark.parametrize(
        "task", [tasks.tell_of_itself, tasks.tell_of_itself_async], ids=["sync", "async"]
    )
    def test_a_task_knows_its_job_and_what_came_with_it(self, engine: EngineUnderTest, task: Task) -> None:
        with job_metadata(request_id="r-1"):
            result = engine.on(task, queue_name=engine.queues[1]).enqueue()
        engine.worker()

        engine.finish()

        told = get_result(result.id).return_value
        assert (told["id"], told["queue"], told["attempt"]) == (result.id, engine.queues[1], 1)
        assert told["metadata"]["request_id"] == "r-1"

"""What operators do to jobs and queues while workers are at it."""

import pytest

from taskyard import get_result
from taskyard.compat import Task
from taskyard.models import Job
from taskyard.pauses import pause_queue, resume_queue
from taskyard.states import JobState
from taskyard.transitions import ask_to_cancel
from taskyard.waiting import wait_until

from . import tasks
from .engine import EngineUnderTest

CANCELLED_IN = 5.0
"""Seconds within which a running job is gone. The promise is 2; a test machine may be busy."""


class TestCancelling:
    """Cancelling a job that runs; for one that waits see `TestScheduling`."""

    @pytest.mark.parametrize(
        "task", [tasks.wait_to_be_cancelled, tasks.wait_to_be_cancelled_async], ids=["sync", "async"]
    )
    def test_a_running_job_is_stopped(self, engine: EngineUnderTest, task: Task) -> None:
        result = engine.on(task).enqueue()
        worker = engine.worker()
        wait_until(engine.effects, "it runs")

        assert ask_to_cancel([Job.objects.get(pk=result.id).id]) == 1

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

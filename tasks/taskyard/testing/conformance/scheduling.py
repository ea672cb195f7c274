"""When jobs run: retries after their backoff, deferred ones at their time, urgent ones first."""

from datetime import timedelta

from django.utils import timezone

from taskyard import get_result
from taskyard.models import Job
from taskyard.states import JobState
from taskyard.transitions import cancel_waiting
from taskyard.waiting import wait_until

from . import tasks
from .engine import EngineUnderTest


class TestScheduling:
    """What decides when a job runs is the database, on every engine alike."""

    def test_a_failed_attempt_is_repeated_until_it_succeeds(self, engine: EngineUnderTest) -> None:
        result = engine.on(tasks.succeed_third_time).enqueue("try")
        engine.worker()

        engine.finish()

        found = get_result(result.id)
        assert (found.status, found.return_value, found.attempts) == ("SUCCESSFUL", 3, 3)
        assert [error.exception_class for error in found.errors] == [ValueError, ValueError]
        assert engine.effects() == ["try"] * 3

    def test_what_is_not_worth_another_attempt_gets_none(self, engine: EngineUnderTest) -> None:
        result = engine.on(tasks.give_up).enqueue("try")

        worker = engine.worker("--burst")

        assert worker.ended() == 0, worker.log
        assert get_result(result.id).status == "FAILED"
        assert engine.effects() == ["try"]

    def test_a_deferred_job_waits_for_its_time(self, engine: EngineUnderTest) -> None:
        worker = engine.worker()
        worker.wait_for_log("is ready")
        soon = timezone.now() + timedelta(seconds=2)

        result = engine.on(tasks.leave, run_after=soon).enqueue("later")

        engine.finish()
        started_at = get_result(result.id).started_at
        assert started_at is not None
        assert started_at >= soon

    def test_a_far_off_job_is_not_given_to_the_engine(self, engine: EngineUnderTest) -> None:
        next_week = timezone.now() + timedelta(days=8)
        engine.on(tasks.leave, run_after=next_week).enqueue("next week")

        worker = engine.worker("--burst")

        assert worker.ended() == 0, worker.log
        assert engine.effects() == []
        assert Job.objects.get().delivered_at is None

    def test_the_more_urgent_runs_first(self, engine: EngineUnderTest) -> None:
        priorities = [0, -100, 60, 100, -60]
        for priority in priorities:
            engine.on(tasks.leave, priority=priority).enqueue(str(priority))

        worker = engine.worker("--burst", "--concurrency", "1")

        assert worker.ended() == 0, worker.log
        assert engine.effects() == [str(priority) for priority in sorted(priorities, reverse=True)]

    def test_a_cancelled_job_never_starts(self, engine: EngineUnderTest) -> None:
        result = engine.on(tasks.leave).enqueue("unwanted")
        job = Job.objects.get(pk=result.id)

        assert cancel_waiting([job.id], timedelta(days=1)) == 1
        engine.on(tasks.leave).enqueue("wanted")
        worker = engine.worker("--burst")

        assert worker.ended() == 0, worker.log
        assert engine.effects() == ["wanted"]
        assert Job.objects.get(pk=result.id).state == JobState.CANCELLED
        assert get_result(result.id).errors[0].exception_class_path == "taskyard.exceptions.Cancelled"

    def test_a_message_for_a_job_that_waits_for_its_retry_is_dropped(self, engine: EngineUnderTest) -> None:
        later = timezone.now() + timedelta(hours=1)
        result = engine.on(tasks.leave, run_after=later).enqueue("too early")
        worker = engine.worker()
        worker.wait_for_log("is ready")

        engine.deliver_again(result.id)
        marker = engine.on(tasks.leave).enqueue("marker")

        wait_until(lambda: get_result(marker.id).is_finished, "what came after it ran")
        assert engine.effects() == ["marker"]

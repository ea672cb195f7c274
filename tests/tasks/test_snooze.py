"""What a task raises to say how its job is to go on: Snooze, GiveUp, Retry."""

import logging
from datetime import timedelta
from uuid import UUID

import pytest

from taskyard import GiveUp, Retry, Snooze, TaskResultStatus
from taskyard.database import database_time, jobs_connection
from taskyard.models import Job
from taskyard.run import LONGEST_DELAY, prepare
from taskyard.states import Event, JobState
from taskyard.testing import drain, inline
from taskyard.transitions import claim
from tests.example.tasks import flaky, give_up, nothing, retry_after, snooze, snooze_async
from tests.tasks.jobs import add_job, timed

pytestmark = pytest.mark.django_db

SNOOZES = pytest.mark.parametrize("task", [snooze, snooze_async], ids=["sync", "async"])


@SNOOZES
def test_a_snooze_puts_the_job_off_without_an_attempt(task):
    result = task.enqueue(60, 1)

    with timed() as window:
        drain()

    job = Job.objects.get()
    assert (job.state, job.delivered_at) == (JobState.READY, None)
    assert job.due_at in window.later(60)
    assert [(entry["outcome"], entry["times"]) for entry in job.attempts] == [("snoozed", 1)]
    result.refresh()
    assert (result.status, result.attempts, result.errors) == (TaskResultStatus.READY, 0, [])
    drain()
    assert Job.objects.get().attempt == 1

    drain(scheduled=True)
    result.refresh()
    assert (result.status, result.return_value, result.attempts) == (TaskResultStatus.SUCCESSFUL, 1, 1)


def test_a_drain_leaves_a_snoozed_job_to_the_next():
    snooze.enqueue(0, 3)

    runs = [[result.status for result in drain()] for _ in range(5)]

    ready, done = TaskResultStatus.READY, TaskResultStatus.SUCCESSFUL
    assert runs == [[ready], [ready], [ready], [done], []]


def test_any_number_of_snoozes_takes_one_entry_in_the_history():
    snooze.enqueue(0, 200)
    for _ in range(200):
        drain()

    [entry] = Job.objects.get().attempts
    assert (entry["outcome"], entry["times"]) == ("snoozed", 200)


def test_snoozes_count_anew_after_a_requeue():
    job = add_job(
        JobState.RUNNING,
        attempts=[{"outcome": "snoozed", "times": 4}, {"outcome": "failed"}, {"outcome": "requeued"}],
    )
    outcome = prepare(job).snoozed(Snooze(1))

    assert [entry["outcome"] for entry in outcome.history] == ["snoozed", "failed", "requeued", "snoozed"]
    assert outcome.history[-1]["times"] == 1


def test_a_snooze_between_failures_counts_no_failure():
    job = claim(UUID(flaky.enqueue().id), "ada")
    run = prepare(job)
    job.attempts = run.failed(OSError()).history
    job.attempts = run.snoozed(Snooze(1)).history

    assert run.failed(OSError()).event == Event.RETRY
    assert [entry["outcome"] for entry in run.failed(OSError()).history] == ["failed", "snoozed", "failed"]


def test_a_snooze_may_be_a_timedelta():
    assert Snooze(timedelta(minutes=2)).delay == 120
    assert str(Snooze(90)) == "Put off for 90 s."


@pytest.mark.parametrize("delay", [-1, float("nan"), "5", True, timedelta(seconds=-1)], ids=repr)
@pytest.mark.parametrize("make", [Snooze, lambda delay: Retry(after=delay)], ids=["snooze", "retry"])
def test_a_delay_that_is_none_is_refused(make, delay):
    with pytest.raises(ValueError, match="give seconds, 0 or more, or a timedelta"):
        make(delay)


def test_a_snooze_without_end_ends_with_the_calendar():
    run = prepare(claim(UUID(nothing.enqueue().id), "ada"))

    assert run.snoozed(Snooze(float("inf"))).delay == LONGEST_DELAY


def test_a_snooze_says_so_in_the_log(caplog):
    snooze.enqueue(60, 1)

    with caplog.at_level(logging.INFO, "taskyard"):
        drain()

    assert "puts itself off for 60.0 s" in caplog.text


def test_giving_up_fails_a_job_that_had_attempts_left():
    result = give_up.enqueue()
    drain()
    result.refresh()

    assert result.status == TaskResultStatus.FAILED
    [error] = result.errors
    assert error.exception_class is GiveUp
    assert "the card was refused" in error.traceback


def test_a_retry_says_when_and_counts():
    result = retry_after.enqueue(30)

    with timed() as window:
        drain()

    job = Job.objects.get()
    assert job.due_at in window.later(30)
    assert [entry["outcome"] for entry in job.attempts] == ["failed"]

    drain(scheduled=True)
    result.refresh()
    assert (result.status, result.attempts) == (TaskResultStatus.FAILED, 3)
    assert {error.exception_class for error in result.errors} == {Retry}


def test_a_retry_without_a_time_takes_the_backoffs():
    run = prepare(claim(UUID(flaky.enqueue().id), "ada"))

    assert run.ended_by(Retry("busy")).delay == pytest.approx(2, rel=0.11)
    assert run.ended_by(Retry("busy", after=0)).delay == 0
    assert run.ended_by(Retry("busy", after=timedelta(hours=1))).delay == 3600


def test_a_retry_of_a_task_with_one_attempt_fails():
    run = prepare(claim(UUID(nothing.enqueue().id), "ada"))

    assert run.ended_by(Retry(after=1)).event == Event.FAIL


def test_a_job_that_snoozes_inline_waits():
    with inline():
        result = snooze.enqueue(60, 1)

    result.refresh()
    assert result.status == TaskResultStatus.READY
    assert Job.objects.get().due_at > database_time(jobs_connection())

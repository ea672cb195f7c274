"""The attempts that did not succeed, as the row keeps them."""

import logging
from datetime import datetime
from uuid import UUID

import pytest

from taskyard import Constant, TaskResultStatus, get_result, policy, task
from taskyard.history import LONGEST_TRACEBACK, count
from taskyard.models import Job
from taskyard.states import Event, JobState
from taskyard.testing import drain
from taskyard.testing.running import WORKER
from taskyard.transitions import claim, conclude, requeue
from tests.example.tasks import fail, fail_thrice, give_back, succeed_at
from tests.tasks.jobs import FAILURE, add_job, fresh, outcome, timed

pytestmark = pytest.mark.django_db


@task
def fail_at_length(size):
    raise ValueError(f"<start>{'x' * size}<end>")


@task
def fail_unspeakably():
    class Unspeakable(Exception):
        def __str__(self):
            raise RuntimeError("cannot be told")

    raise Unspeakable


@task
def fail_with_a_cause():
    try:
        fail.func("the cause")
    except ValueError as error:
        raise LookupError("the effect") from error


@task
def fail_as_a_group():
    raise ExceptionGroup("several", [ValueError("one"), KeyError("two")])


def entries(result):
    return Job.objects.get(pk=result.id).attempts


def test_a_failed_attempt_leaves_who_when_and_why():
    result = fail.enqueue("no such luck")

    with timed() as window:
        drain()

    [entry] = entries(result)
    assert set(entry) == {"outcome", "attempt", "worker", "started_at", "ended_at", "error"}
    assert (entry["outcome"], entry["attempt"], entry["worker"]) == ("failed", 1, WORKER)
    started, ended = datetime.fromisoformat(entry["started_at"]), datetime.fromisoformat(entry["ended_at"])
    assert started in window
    assert started <= ended
    assert ended in window
    assert entry["error"]["type"] == "builtins.ValueError"
    assert entry["error"]["traceback"].startswith("Traceback (most recent call last)")
    assert entry["error"]["traceback"].endswith("ValueError: no such luck\n")


def test_attempts_are_kept_in_their_order(effects):
    result = fail_thrice.enqueue()
    drain()

    assert [entry["attempt"] for entry in entries(result)] == [1, 2, 3]


def test_a_success_keeps_the_failures_before_it():
    result = succeed_at.enqueue(3)
    drain()

    assert [entry["error"]["traceback"][-10:] for entry in entries(result)] == ["attempt 1\n", "attempt 2\n"]


@pytest.mark.parametrize("size", [LONGEST_TRACEBACK, 1_000_000])
def test_a_huge_traceback_is_cut_in_the_middle(size):
    result = fail_at_length.enqueue(size)
    drain()

    [entry] = entries(result)
    text = entry["error"]["traceback"]
    assert LONGEST_TRACEBACK < len(text) < LONGEST_TRACEBACK + 100
    assert text.startswith("Traceback (most recent call last)")
    assert "<start>xxx" in text
    assert text.endswith("xxx<end>\n")
    assert "characters left out" in text
    left_out = int(text.partition("… ")[2].partition(" ")[0])
    whole = len(text) - len(f"\n… {left_out} characters left out …\n") + left_out
    assert whole > size


def test_a_traceback_that_fits_is_kept_whole():
    result = fail_at_length.enqueue(10_000)
    drain()

    [entry] = entries(result)
    assert "x" * 10_000 in entry["error"]["traceback"]


@pytest.fixture
def unlogged():
    """Log nothing: half a character in a captured log is more than some test reports take."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize(
    ("message", "shown"),
    [("a\x00b", "a\\x00b"), ("\ud800", "\\ud800"), ("ñ🦉", "ñ🦉"), ("\\u0000", "\\u0000")],
    ids=["nul", "surrogate", "not-ascii", "spelling-of-nul"],
)
def test_an_error_message_is_made_to_fit_its_column(message, shown, monkeypatch, unlogged):
    monkeypatch.setattr("tests.tasks.test_history.MESSAGE", message)
    result = fail_with_message.enqueue()
    drain()

    [entry] = entries(result)
    assert f"ValueError: {shown}\n" in entry["error"]["traceback"]


MESSAGE = ""


@task
def fail_with_message():
    raise ValueError(MESSAGE)


def test_an_error_that_cannot_be_told_is_kept_all_the_same():
    result = fail_unspeakably.enqueue()
    drain()

    [entry] = entries(result)
    assert entry["error"]["type"].endswith("Unspeakable")
    assert "str() failed" in entry["error"]["traceback"]


def test_causes_and_groups_are_kept():
    caused, grouped = fail_with_a_cause.enqueue(), fail_as_a_group.enqueue()
    drain()

    [entry] = entries(caused)
    assert entry["error"]["type"] == "builtins.LookupError"
    assert "ValueError: the cause" in entry["error"]["traceback"]
    [entry] = entries(grouped)
    assert "KeyError: 'two'" in entry["error"]["traceback"]


def test_an_attempt_that_was_handed_back_leaves_no_entry():
    result = give_back.enqueue(1)
    job = claim(UUID(result.id), "bob")
    conclude([outcome(job, Event.RELEASE, history=job.history())])

    assert entries(result) == []


# --- requeue ---


def test_a_requeue_leaves_its_mark():
    job = add_job(JobState.FAILED)

    with timed() as window:
        requeue([job.id])

    first, mark = fresh(job).attempts
    assert first == FAILURE
    assert mark["outcome"] == "requeued"
    assert datetime.fromisoformat(mark["ended_at"]) in window


def test_a_requeued_job_has_a_fresh_budget_of_attempts(effects):
    result = fail_thrice.enqueue("try")
    drain()
    assert requeue([UUID(result.id)]) == 1

    drain()

    result.refresh()
    assert effects() == ["try"] * 6
    assert (result.status, len(result.errors)) == (TaskResultStatus.FAILED, 6)
    assert [entry["outcome"] for entry in entries(result)] == [*["failed"] * 3, "requeued", *["failed"] * 3]


@task
@policy(max_attempts=10, backoff=lambda attempt, error: BACKOFFS.append(attempt) or 0)
def fail_often():
    raise ValueError("again")


BACKOFFS = []


def test_a_requeued_jobs_backoff_starts_over(monkeypatch):
    monkeypatch.setattr("tests.tasks.test_history.BACKOFFS", [])
    result = fail_often.enqueue()
    drain()
    requeue([UUID(result.id)])
    drain()

    assert [*range(1, 10), *range(1, 10)] == BACKOFFS


def test_a_requeued_success_runs_once_more(effects):
    result = give_back.enqueue("x")
    drain()
    requeue([UUID(result.id)])
    drain()

    found = get_result(result.id)
    assert (found.status, found.return_value, found.errors) == (TaskResultStatus.SUCCESSFUL, "x", [])


def test_a_requeued_cancelled_job_shows_no_cancel_any_more():
    job = add_job(JobState.CANCELLED)
    requeue([job.id])
    drain()

    found = get_result(job.id)
    assert (found.status, found.errors) == (TaskResultStatus.SUCCESSFUL, [])


@pytest.mark.parametrize(
    ("outcomes", "failures"),
    [
        ([], 0),
        (["failed"], 1),
        (["failed", "lost", "failed"], 2),
        (["failed", "requeued"], 0),
        (["failed", "failed", "requeued", "failed"], 1),
        (["requeued", "requeued", "failed"], 1),
    ],
    ids=lambda value: "-".join(value) or "none" if isinstance(value, list) else "",
)
def test_only_what_came_after_the_latest_requeue_counts(outcomes, failures):
    assert count([{"outcome": outcome} for outcome in outcomes], "failed") == failures


@task
@policy(max_attempts=3, backoff=Constant(seconds=0))
def fail_differently():
    raise [ValueError, KeyError, LookupError][Job.objects.get(state="RUNNING").attempt - 1]


def test_errors_are_shown_oldest_first():
    result = fail_differently.enqueue()
    drain()
    result.refresh()

    assert [error.exception_class for error in result.errors] == [ValueError, KeyError, LookupError]

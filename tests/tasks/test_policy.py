"""`@policy`: what it refuses, where it may stand, and how it has jobs tried again."""

from datetime import timedelta

import pytest
from django.test import override_settings

from taskyard import Constant, Policy, TaskResultStatus, policy, task
from taskyard.compat import BaseTaskBackend
from taskyard.models import Job
from taskyard.policy import DEFAULT_POLICY, MOST_ATTEMPTS, policy_of
from taskyard.states import JobState
from taskyard.testing import drain
from tests.example.tasks import fail, fail_thrice, flaky, nothing, succeed_at
from tests.tasks.jobs import timed

DJANGOS = BaseTaskBackend.__module__.rpartition(".")[0]

in_the_database = pytest.mark.django_db

NONSENSE = [
    *({"max_attempts": value} for value in (0, -1, 1.5, True, "3", None, MOST_ATTEMPTS + 1)),
    *({"max_rescues": value} for value in (-1, 0.5, False, None, MOST_ATTEMPTS + 1)),
    *({"timeout": value} for value in (0, -1, True, "5", float("nan"), timedelta(0), timedelta(seconds=-1))),
    *({"retention": value} for value in (-1, 60, timedelta(seconds=-1), "7 days")),
    *({"retry_on": value} for value in (ValueError("x"), "ValueError", int, (ValueError, "x"), [ValueError])),
    *({"give_up_on": value} for value in (ValueError("x"), None, object, (ValueError, int))),
    *({"backoff": value} for value in (5, None, "exponential")),
]


@pytest.mark.parametrize(
    "given", NONSENSE, ids=lambda given: "{}={!r}".format(*next(iter(given.items())))[:50]
)
def test_nonsense_is_refused_at_import_by_name(given):
    [name] = given

    with pytest.raises((TypeError, ValueError), match=f"@policy\\({name}="):
        policy(**given)


SENSE = [
    *({"max_attempts": value} for value in (1, MOST_ATTEMPTS)),
    *({"max_rescues": value} for value in (0, MOST_ATTEMPTS)),
    *({"timeout": value} for value in (0.01, 3600, None)),
    *({"retention": value} for value in (timedelta(0), timedelta(days=365 * 50), None)),
    {"backoff": lambda attempt, error: attempt * 2},
]


@pytest.mark.parametrize("given", SENSE, ids=lambda given: "{}={!r}".format(*next(iter(given.items())))[:30])
def test_the_bounds_themselves_are_allowed(given):
    @policy(**given)
    def function():
        pass

    [(name, value)] = given.items()
    assert getattr(policy_of(_like_a_task(function)), name) == value


def _like_a_task(function):
    copy = object.__new__(type(nothing))
    object.__setattr__(copy, "func", function)
    return copy


def test_a_timedelta_is_a_timeout_in_seconds():
    @policy(timeout=timedelta(minutes=2))
    def function():
        pass

    assert policy_of(_like_a_task(function)).timeout == 120


def test_one_exception_class_is_a_tuple_of_one():
    @policy(retry_on=OSError, give_up_on=KeyError)
    def function():
        pass

    found = policy_of(_like_a_task(function))
    assert (found.retry_on, found.give_up_on) == ((OSError,), (KeyError,))


def test_a_policy_only_takes_arguments_by_name():
    with pytest.raises(TypeError):
        policy(3)
    with pytest.raises(TypeError, match="max_tries"):
        policy(max_tries=3)


def test_a_policy_cannot_be_changed():
    with pytest.raises(AttributeError):
        DEFAULT_POLICY.max_attempts = 3


def test_a_policy_above_the_task_is_a_type_error_that_says_where_to_put_it():
    with pytest.raises(TypeError, match=r"above @task on .*nothing.*under"):
        policy(max_attempts=3)(nothing)


def test_a_policy_leaves_the_function_as_it_is():
    def function():
        return 7

    assert policy(max_attempts=3)(function) is function
    assert function() == 7


def test_a_task_without_policy_is_tried_once_without_limits():
    assert policy_of(nothing) is DEFAULT_POLICY
    assert (DEFAULT_POLICY.max_attempts, DEFAULT_POLICY.timeout, DEFAULT_POLICY.retention) == (1, None, None)


def test_using_keeps_the_policy():
    assert policy_of(fail_thrice.using(priority=5)).max_attempts == 3


# --- under Django's own backends ---


def test_under_djangos_immediate_backend_the_policy_is_ignored(effects):
    with override_settings(TASKS={"default": {"BACKEND": f"{DJANGOS}.immediate.ImmediateBackend"}}):
        result = fail_thrice.enqueue("once")

    assert effects() == ["once"]
    assert result.status == TaskResultStatus.FAILED


def test_under_djangos_dummy_backend_the_policy_is_ignored():
    with override_settings(TASKS={"default": {"BACKEND": f"{DJANGOS}.dummy.DummyBackend"}}):
        result = fail_thrice.enqueue()

        assert result.status == TaskResultStatus.READY
        assert fail_thrice.get_backend().results == [result]


# --- trying again ---


@in_the_database
def test_a_task_without_policy_fails_at_once():
    result = fail.enqueue()
    drain(scheduled=True)
    result.refresh()

    assert (result.status, result.attempts) == (TaskResultStatus.FAILED, 1)


@in_the_database
def test_a_task_is_tried_as_often_as_its_policy_says(effects):
    result = fail_thrice.enqueue("try")
    drain()
    result.refresh()

    assert effects() == ["try"] * 3
    assert (result.status, result.attempts, len(result.errors)) == (TaskResultStatus.FAILED, 3, 3)


@in_the_database
def test_a_success_ends_the_trying():
    result = succeed_at.enqueue(2)
    drain()
    result.refresh()

    assert (result.status, result.return_value, result.attempts) == (TaskResultStatus.SUCCESSFUL, 2, 2)


@in_the_database
def test_each_delay_is_as_the_backoff_says():
    result = flaky.enqueue()

    for attempt in (1, 2, 3, 4):
        with timed() as window:
            drain() if attempt == 1 else _run_now(result)
        job = Job.objects.get(pk=result.id)
        assert (job.state, job.attempt) == (JobState.READY, attempt)
        delay = 2**attempt
        assert window.later(delay * 0.89).begun <= job.due_at <= window.later(delay * 1.11).ended


def _run_now(result):
    Job.objects.filter(pk=result.id).update(due_at="2026-01-05 08:00:00+00:00")
    drain()


@in_the_database
def test_a_drain_that_does_not_wait_tries_to_the_end():
    result = flaky.enqueue()

    [drained] = drain(scheduled=True)

    result.refresh()
    assert drained == result
    assert (result.status, result.attempts) == (TaskResultStatus.FAILED, 5)


FIVE = {"max_attempts": 5, "backoff": Constant(seconds=0)}


@task
@policy(**FIVE, retry_on=OSError)
def only_network_errors(name):
    raise {"ConnectionError": ConnectionError, "ValueError": ValueError, "SystemExit": SystemExit}[name]


@task
@policy(**FIVE, give_up_on=(ValueError, SystemExit))
def all_but_value_errors(name):
    only_network_errors.func(name)


@task
@policy(**FIVE, retry_on=Exception, give_up_on=ConnectionError)
def neither(name):
    only_network_errors.func(name)


@in_the_database
@pytest.mark.parametrize(
    ("function", "name", "attempts"),
    [
        (only_network_errors, "ConnectionError", 5),
        (only_network_errors, "ValueError", 1),
        (only_network_errors, "SystemExit", 1),
        (all_but_value_errors, "ConnectionError", 5),
        (all_but_value_errors, "ValueError", 1),
        (all_but_value_errors, "SystemExit", 1),
        (neither, "ConnectionError", 1),
        (neither, "ValueError", 5),
        (neither, "SystemExit", 1),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_only_failures_worth_it_are_tried_again(function, name, attempts):
    result = function.enqueue(name)
    drain()
    result.refresh()

    assert (result.status, result.attempts) == (TaskResultStatus.FAILED, attempts)


def _raise_in_backoff(attempt, error):
    raise LookupError("the backoff is broken")


BACKOFF_CALLS = []


def _note(attempt, error):
    BACKOFF_CALLS.append((attempt, str(error)))
    return 0


@task
@policy(max_attempts=5, backoff=_raise_in_backoff)
def with_broken_backoff():
    raise ValueError("the first error")


@task
@policy(max_attempts=3, backoff=_note)
def with_noting_backoff():
    raise ValueError("again")


@in_the_database
def test_a_backoff_that_raises_fails_the_job_with_the_tasks_own_error(caplog):
    result = with_broken_backoff.enqueue()
    drain()
    result.refresh()

    assert (result.status, result.attempts) == (TaskResultStatus.FAILED, 1)
    assert [error.exception_class for error in result.errors] == [ValueError]
    [record] = [each for each in caplog.records if each.name == "taskyard.run"]
    assert "backoff" in record.getMessage()
    assert with_broken_backoff.module_path in record.getMessage()
    assert isinstance(record.exc_info[1], LookupError)


@in_the_database
def test_a_backoff_is_told_which_attempt_failed_and_why(monkeypatch):
    monkeypatch.setattr("tests.tasks.test_policy.BACKOFF_CALLS", [])
    with_noting_backoff.enqueue()
    drain()

    assert BACKOFF_CALLS == [(1, "again"), (2, "again")]


ODD_DELAYS = {
    "negative": -5,
    "none": None,
    "text": "soon",
    "nan": float("nan"),
    "infinite": float("inf"),
    "a-million-years": 3e13,
    "beyond-counting": 1e300,
    "a-huge-whole-number": 10**400,
}

ODD_DELAY = None


@task
@policy(max_attempts=2, backoff=lambda attempt, error: ODD_DELAY)
def with_odd_backoff():
    raise ValueError("no luck")


@in_the_database
@pytest.mark.parametrize("delay", ODD_DELAYS.values(), ids=ODD_DELAYS)
def test_a_backoff_that_returns_nonsense_loses_no_job(monkeypatch, delay):
    """The job is tried again at a time that will come, or it fails: it never waits for ever."""
    monkeypatch.setattr("tests.tasks.test_policy.ODD_DELAY", delay)
    result = with_odd_backoff.enqueue()

    drain()

    job = Job.objects.get(pk=result.id)
    assert job.attempts[0]["error"]["type"] == "builtins.ValueError"
    assert job.state == JobState.FAILED or (job.state == JobState.READY and job.due_at is not None)


# --- how long finished jobs are kept ---


@task
@policy(retention=timedelta(hours=1))
def kept_for_an_hour():
    pass


@task
@policy(retention=timedelta(0))
def kept_no_longer():
    pass


@in_the_database
@pytest.mark.parametrize(
    ("function", "seconds"),
    [(nothing, 2 * 86400), (kept_for_an_hour, 3600), (kept_no_longer, 0)],
    ids=["backend", "policy", "policy-of-zero"],
)
def test_a_policys_retention_goes_before_the_backends(function, seconds):
    tasks = {
        "default": {
            "BACKEND": "taskyard_adapters.embedded.EmbeddedBackend",
            "OPTIONS": {"RETENTION": timedelta(days=2)},
        }
    }
    with override_settings(TASKS=tasks), timed() as window:
        function.enqueue()
        drain()

    assert Job.objects.get().prune_at in window.later(seconds)


FOREVER = [timedelta.max, timedelta(days=365 * 10_000)]


@in_the_database
@pytest.mark.parametrize("retention", FOREVER, ids=["max", "ten-thousand-years"])
def test_a_retention_beyond_the_calendar_is_refused_or_kept(retention):
    """Whoever writes it means "for ever": the job must not fail for it, when it is done."""
    try:
        given = Policy(retention=retention)
    except ValueError as refused:
        assert "retention" in str(refused)  # noqa: PT017 - both ways are right
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nothing.func, "__taskyard_policy__", given, raising=False)
        result = nothing.enqueue()
        drain()
    result.refresh()
    assert result.status == TaskResultStatus.SUCCESSFUL

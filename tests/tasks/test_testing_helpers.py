"""`taskyard.testing`: what sites use in their own tests."""

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import Group
from django.db import DatabaseError, IntegrityError, transaction
from django.test import TestCase, override_settings

from taskyard import TaskResultStatus, enqueue_many, task
from taskyard.breaker import breaker_for
from taskyard.compat import BaseTaskBackend
from taskyard.models import Job
from taskyard.states import JobState
from taskyard.testing import adrain, assert_enqueued, assert_not_enqueued, collect, drain, enqueued, inline
from tests.example.tasks import add, add_async, enqueue_another, fail, flaky, leave, nothing

pytestmark = pytest.mark.django_db

DJANGOS = BaseTaskBackend.__module__.rpartition(".")[0]
BOTH = pytest.mark.parametrize("alias", ["default", "leased"])


@task
def enqueue_downwards(number):
    if number:
        enqueue_downwards.enqueue(number - 1)
    return number


@task
def harm_the_database():
    Job.objects.raw("SELECT nonsense FROM nowhere").columns  # noqa: B018 - runs the statement


@task
def write_a_row_twice(caught):
    """Break a constraint, within the transaction that Django itself opens around a save."""
    row = Group.objects.create(name="once")
    try:
        Group.objects.create(pk=row.pk, name="twice")
    except IntegrityError:
        if not caught:
            raise


@task
def fail_in_a_transaction_without_savepoint():
    with transaction.atomic(savepoint=False):
        Group.objects.create(name="rolled back")
        raise ValueError("no luck")


@task
def write_a_row():
    return Group.objects.create(name="written").pk


@task
def write_a_row_and_fail():
    write_a_row.func()
    raise ValueError("after the write")


# --- asserting ---


@BOTH
def test_what_waits_is_returned(alias):
    first, second = add.using(backend=alias).enqueue(1, 2), add.using(backend=alias).enqueue(3, b=4)

    assert assert_enqueued(add) == [first, second]
    assert assert_enqueued(add, args=[1, 2]) == [first]
    assert assert_enqueued(add, args=(3,), kwargs={"b": 4}, times=1) == [second]
    assert enqueued() == [first, second]


MATCHES = [
    ({}, 3),
    ({"args": [1, 2]}, 1),
    ({"args": (1, 2)}, 1),
    ({"args": []}, 1),
    ({"args": [2, 1]}, 0),
    ({"kwargs": {}}, 2),
    ({"kwargs": {"a": 1, "b": [2]}}, 1),
    ({"kwargs": {"b": (2,), "a": 1}}, 1),
    ({"queue": "mail"}, 1),
    ({"queue": "mail", "args": [5, 6]}, 1),
    ({"queue": "reports"}, 0),
]


@pytest.mark.parametrize(("given", "times"), MATCHES, ids=str)
def test_each_argument_narrows_the_choice(given, times):
    add.enqueue(1, 2)
    add.enqueue(a=1, b=(2,))
    add.using(queue_name="mail").enqueue(5, 6)
    nothing.enqueue()

    assert len(enqueued(add, **given)) == times
    assert_enqueued(add, times=times, **given)
    if times:
        with pytest.raises(AssertionError):
            assert_not_enqueued(add, **given)
    else:
        assert_not_enqueued(add, **given)
        with pytest.raises(AssertionError):
            assert_enqueued(add, **given)


def test_the_message_says_what_was_expected_and_what_waits():
    leave.using(queue_name="mail").enqueue("x")
    nothing.enqueue()

    with pytest.raises(AssertionError) as caught:
        assert_enqueued(add, args=[1, 2], kwargs={"c": 3}, queue="reports")

    assert str(caught.value) == (
        "Expected a job of tests.example.tasks.add with args [1, 2] with kwargs {'c': 3} in queue 'reports'; "
        "found 0. Waiting:\n"
        "  of tests.example.tasks.leave with args ['x'] with kwargs {} in queue 'mail'\n"
        "  of tests.example.tasks.nothing with args [] with kwargs {} in queue 'default'"
    )


def test_the_message_says_that_nothing_waits():
    with pytest.raises(AssertionError, match=r"found 0\. Nothing waits\."):
        assert_enqueued(add)


def test_the_message_counts():
    add.enqueue(1, 2)

    with pytest.raises(AssertionError, match=r"Expected 2 jobs of tests\.example\.tasks\.add; found 1\."):
        assert_enqueued(add, times=2)
    with pytest.raises(AssertionError, match=r"Expected no job of tests\.example\.tasks\.add; found 1\."):
        assert_not_enqueued(add)
    with pytest.raises(AssertionError, match=r"found 1\."):
        assert_enqueued(add, times=0)


def test_what_has_run_does_not_wait():
    add.enqueue(1, 2)
    drain()

    assert_not_enqueued(add)
    assert enqueued() == []


# --- collecting ---


def test_everything_enqueued_in_the_block_is_collected_on_any_backend():
    nothing.enqueue()
    immediate = {"BACKEND": f"{DJANGOS}.immediate.ImmediateBackend", "QUEUES": []}
    recording = {"BACKEND": "tests.example.backends.RecordingBackend"}
    with override_settings(TASKS={"default": immediate, "leased": recording}):
        with collect() as collected:
            first = add.enqueue(1, 2)
            many = enqueue_many(nothing.using(backend="leased"), [(), ()])
            third = async_to_sync(nothing.using(backend="leased").aenqueue)()
        nothing.enqueue()

    assert [result.id for result in collected] == [each.id for each in [first, *many, third]]


def test_collecting_ends_with_its_block_even_where_that_raises():
    with pytest.raises(ZeroDivisionError), collect() as collected:
        nothing.enqueue()
        _ = 1 / 0
    nothing.enqueue()

    assert len(collected) == 1


# --- draining ---


@BOTH
def test_draining_runs_what_is_due_and_returns_it(alias):
    results = [add.using(backend=alias).enqueue(1, 2), add_async.using(backend=alias).enqueue(3, 4)]

    ran = drain()

    assert [result.id for result in ran] == [result.id for result in results]
    assert [result.return_value for result in ran] == [3, 7]
    assert drain() == []


@BOTH
def test_draining_runs_what_its_jobs_enqueue(alias, effects):
    enqueue_another.using(backend=alias).enqueue("by a job")

    ran = drain()

    assert effects() == ["by a job"]
    assert [result.task.name for result in ran] == ["enqueue_another", "leave"]


def test_draining_goes_on_to_the_last_generation():
    enqueue_downwards.enqueue(5)

    assert [result.return_value for result in drain()] == [5, 4, 3, 2, 1, 0]


def test_draining_goes_by_priority(effects):
    for name, priority in (("low", -5), ("first", 50), ("second", 50), ("middle", 0)):
        leave.using(priority=priority).enqueue(name)

    drain()

    assert effects() == ["first", "second", "middle", "low"]


def test_draining_one_queue_leaves_the_others(effects):
    leave.using(queue_name="mail").enqueue("mail")
    leave.enqueue("default")

    assert len(drain(queue="mail")) == 1
    assert effects() == ["mail"]
    assert_enqueued(leave, args=["default"])


def test_draining_leaves_what_is_not_due(tomorrow, effects):
    leave.using(run_after=tomorrow).enqueue("tomorrow")
    leave.enqueue("now")

    assert len(drain()) == 1
    assert effects() == ["now"]
    assert len(drain(scheduled=True)) == 1
    assert effects() == ["now", "tomorrow"]


def test_a_retry_waits_for_its_time():
    flaky.enqueue()

    [result] = drain()

    assert (result.status, result.attempts) == (TaskResultStatus.READY, 1)
    assert drain() == []


def test_a_failing_job_fails_no_test():
    fail.enqueue()

    [result] = drain()

    assert result.status == TaskResultStatus.FAILED


HARMFUL = [
    pytest.param(harm_the_database, [], DatabaseError, id="statement"),
    pytest.param(write_a_row_twice, [False], IntegrityError, id="constraint"),
    pytest.param(fail_in_a_transaction_without_savepoint, [], ValueError, id="no-savepoint"),
]


@pytest.mark.parametrize(("function", "args", "error"), HARMFUL)
def test_a_job_that_harms_its_transaction_harms_no_other(function, args, error):
    before, bad, after = add.enqueue(1, 2), function.enqueue(*args), add.enqueue(3, 4)

    drain()

    for result in (before, bad, after):
        result.refresh()
    assert (before.return_value, bad.status, after.return_value) == (3, TaskResultStatus.FAILED, 7)
    assert issubclass(bad.errors[0].exception_class, error)


def test_a_job_that_gets_over_a_database_error_succeeds():
    result = write_a_row_twice.enqueue(caught=True)

    drain()

    result.refresh()
    assert result.status == TaskResultStatus.SUCCESSFUL


def test_a_transaction_of_its_own_that_a_job_rolls_back_is_rolled_back():
    fail_in_a_transaction_without_savepoint.enqueue()

    drain()

    assert not Group.objects.exists()


@pytest.mark.parametrize("function", [write_a_row, write_a_row_and_fail], ids=["returns", "raises"])
def test_what_a_job_wrote_stays_written_as_with_a_real_worker(function):
    function.enqueue()

    drain()

    assert Group.objects.count() == 1


@BOTH
def test_jobs_that_a_broken_broker_did_not_get_are_drained(alias):
    breaker_for(alias).trip()
    try:
        add.using(backend=alias).enqueue(1, 2)
    finally:
        breaker_for(alias).reset()

    [result] = drain()

    assert result.return_value == 3


def test_draining_from_async_code():
    async def scenario():
        await add.aenqueue(1, 2)
        return await adrain(queue="default")

    [result] = async_to_sync(scenario)()

    assert result.return_value == 3


# --- inline ---


@BOTH
def test_inline_jobs_run_before_enqueue_returns(alias, effects):
    with inline():
        result = leave.using(backend=alias).enqueue("now")
        assert effects() == ["now"]

    result.refresh()
    assert result.status == TaskResultStatus.SUCCESSFUL


def test_inline_jobs_run_their_own_jobs_inline(effects):
    with inline():
        enqueue_another.enqueue("inner")

    assert effects() == ["inner"]
    assert set(Job.objects.values_list("state", flat=True)) == {JobState.SUCCESSFUL}


def test_inline_a_failing_job_fails_no_caller():
    with inline():
        result = fail.enqueue()

    result.refresh()
    assert result.status == TaskResultStatus.FAILED


def test_inline_ends_with_its_block(effects):
    with pytest.raises(ZeroDivisionError), inline():
        _ = 1 / 0

    leave.enqueue("later")

    assert effects() == []


def test_inline_a_deferred_job_waits(tomorrow, effects):
    with inline():
        leave.using(run_after=tomorrow).enqueue("tomorrow")

    assert effects() == []
    assert_enqueued(leave)


@BOTH
def test_inline_works_with_async_code(alias):
    async def scenario():
        return await add_async.using(backend=alias).aenqueue(1, 2)

    with inline():
        result = async_to_sync(scenario)()

    result.refresh()
    assert result.return_value == 3


def test_inline_works_while_a_broker_is_out_of_reach():
    """A delivery that failed in one test must not change what the next one sees."""
    breaker_for("leased").trip()

    with inline():
        result = add.using(backend="leased").enqueue(1, 2)

    result.refresh()
    assert result.status == TaskResultStatus.SUCCESSFUL


def test_inline_many_jobs_all_run(effects):
    with inline():
        enqueue_many(leave, [("a",), ("b",), ("c",)])

    assert effects() == ["a", "b", "c"]


# --- in pytest and in Django's TestCase ---


def test_the_fixture_drains(taskyard_drain):
    add.enqueue(1, 2)

    assert [result.return_value for result in taskyard_drain()] == [3]


def test_the_fixture_runs_inline(taskyard_inline, effects):
    leave.enqueue("inline")

    assert effects() == ["inline"]


def test_the_fixture_collects(taskyard_enqueued):
    result = nothing.enqueue()

    assert taskyard_enqueued == [result]


class InATestCase(TestCase):
    """Within a transaction that never commits."""

    def test_enqueue_assert_drain(self):
        with transaction.atomic():
            result = add.enqueue(1, 2)
        assert_enqueued(add, args=[1, 2], times=1)

        [drained] = drain()

        self.assertEqual(drained.id, result.id)
        self.assertEqual(drained.return_value, 3)
        assert_not_enqueued(add)

    def test_inline(self):
        with inline():
            result = add.enqueue(1, 2)
        result.refresh()
        self.assertEqual(result.return_value, 3)

    async def test_async(self):
        await add.aenqueue(1, 2)
        [result] = await adrain()
        self.assertEqual(result.return_value, 3)

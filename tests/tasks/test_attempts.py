"""One attempt at a job: what the task is given, and how each way to end it is recorded."""

import pytest

from taskyard import TaskResultStatus, get_result, task
from taskyard.models import Job
from taskyard.states import JobState
from taskyard.testing import drain
from taskyard.testing.running import WORKER
from tests.example.tasks import (
    add,
    add_async,
    exit_process,
    fail_async,
    give_back,
    interrupt_keyboard,
    leave,
    return_what_is_not_json,
    succeed_at,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["default", "leased"])
def alias(request):
    return request.param


@task(takes_context=True)
def show_context(context, word, *, times=1):
    shown = context.task_result
    return [context.attempt, shown.id, shown.status, shown.worker_ids, shown.args, shown.kwargs, word * times]


@task(takes_context=True)
async def show_attempt_async(context):
    return context.attempt


@task
def leave_the_generator():
    raise GeneratorExit


class NotEvenAnException(BaseException):
    pass


@task
def raise_what_is_no_exception():
    raise NotEvenAnException("so there")


def run(task_, alias, *args, **kwargs):
    result = task_.using(backend=alias).enqueue(*args, **kwargs)
    drain()
    result.refresh()
    return result


@pytest.mark.parametrize("function", [add, add_async], ids=["sync", "async"])
def test_a_task_gets_its_arguments(alias, function):
    assert run(function, alias, 1, b=2).return_value == 3


def test_a_task_that_asks_for_context_gets_it_first(alias):
    result = run(show_context, alias, "ha", times=2)

    assert result.return_value == [1, result.id, "RUNNING", [WORKER], ["ha"], {"times": 2}, "haha"]


def test_an_async_task_gets_its_context_too(alias):
    assert run(show_attempt_async, alias).return_value == 1


@pytest.mark.parametrize("wanted", [1, 2, 3])
def test_the_context_counts_attempts_from_one(alias, wanted):
    assert run(succeed_at, alias, wanted).return_value == wanted


def test_an_attempt_that_was_handed_back_is_not_counted(alias):
    result = interrupt_keyboard.using(backend=alias).enqueue()
    with pytest.raises(KeyboardInterrupt):
        drain()
    # The same row, with a task that returns.
    Job.objects.update(task=show_attempt_async.module_path)

    drain()

    found = get_result(result.id)
    assert (found.return_value, found.attempts) == (1, 1)
    assert Job.objects.get().attempt == 2, "the fence counts every claim"


def test_a_task_that_exits_the_process_has_failed(alias):
    result = run(exit_process, alias)

    assert result.status == TaskResultStatus.FAILED
    assert [error.exception_class for error in result.errors] == [SystemExit]


@pytest.mark.parametrize(
    ("function", "error"),
    [
        (fail_async, ValueError),
        (return_what_is_not_json, TypeError),
        (leave_the_generator, GeneratorExit),
        (raise_what_is_no_exception, NotEvenAnException),
    ],
    ids=["async", "not-json", "generator-exit", "base-exception"],
)
def test_whatever_a_task_raises_fails_its_job(alias, function, error):
    result = run(function, alias)

    assert result.status == TaskResultStatus.FAILED
    assert [each.exception_class for each in result.errors] == [error]


def test_the_keyboard_stops_the_process_and_hands_the_job_back(alias):
    result = interrupt_keyboard.using(backend=alias).enqueue()

    with pytest.raises(KeyboardInterrupt):
        drain()

    result.refresh()
    assert (result.status, result.errors, result.worker_ids) == (TaskResultStatus.READY, [], [])
    job = Job.objects.get()
    assert (job.state, job.attempts, job.delivered_at) == (JobState.READY, [], None)
    assert job.due_at is not None


def test_one_failure_stops_no_other_job(alias, effects):
    leave.using(backend=alias).enqueue("before")
    exit_process.using(backend=alias).enqueue()
    fail_async.using(backend=alias).enqueue()
    leave.using(backend=alias).enqueue("after")

    drain()

    assert effects() == ["before", "after"]


@pytest.mark.parametrize(
    "value", [None, True, 0, -1.5, "", "ñ🦉", [], {}, [[1], {"a": None}], (1, (2,))], ids=repr
)
def test_a_value_comes_back_as_json_has_it(alias, value):
    def as_json(each):
        return [as_json(item) for item in each] if isinstance(each, tuple) else each

    assert run(give_back, alias, value).return_value == as_json(value)

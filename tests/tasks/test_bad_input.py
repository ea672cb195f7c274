"""Rows that no code of today would write: each fails by itself, with the reason, and harms no other."""

import pytest
from django.db import connection
from django.db.models import JSONField, Value

from taskyard import TaskResultStatus, get_progress, get_result
from taskyard.compat import InvalidTaskBackend
from taskyard.exceptions import BadArguments, TaskNotFound
from taskyard.models import JOB_TABLE, Job, job_key
from taskyard.states import JobState
from taskyard.testing import drain
from taskyard.transitions import Claims, claim, claim_waiting, requeue
from tests.example.tasks import add, flaky, leave, nothing, return_what_is_not_json
from tests.tasks.jobs import PAST, add_job, fresh

pytestmark = pytest.mark.django_db


# --- tasks that are gone ---

GONE = {
    "module": "no.such.module.task",
    "name": "tests.example.tasks.no_such_task",
    "no-module": "task",
    "empty": "",
    "dots": "...",
    "attribute-of-a-task": "tests.example.tasks.add.func",
    "broken-module": "tests.example.broken.task",
    "not-ascii": "tests.example.täsks.ädd",
}
NO_TASKS = {
    "function": "tests.example.tasks._leave",
    "module": "tests.example.tasks",
    "class": "pathlib.Path",
}


@pytest.mark.parametrize("path", GONE.values(), ids=GONE)
def test_a_task_that_cannot_be_imported_fails_its_job_with_the_reason(path, caplog):
    job = add_job(task=path)
    healthy = nothing.enqueue()

    _drain_all()

    row = fresh(job)
    assert row.state == JobState.FAILED
    [entry] = row.attempts
    assert entry["error"]["type"] == "taskyard.exceptions.TaskNotFound"
    assert "cannot be imported" in entry["error"]["traceback"]
    assert repr(path) in entry["error"]["traceback"]
    assert any(
        str(job.id) in record.getMessage() and record.levelname == "ERROR" for record in caplog.records
    )
    assert get_result(healthy.id).status == TaskResultStatus.SUCCESSFUL


@pytest.mark.parametrize("path", NO_TASKS.values(), ids=NO_TASKS)
def test_a_path_to_something_else_fails_its_job_with_the_reason(path):
    job = add_job(task=path)

    _drain_all()

    row = fresh(job)
    assert row.state == JobState.FAILED
    [entry] = row.attempts
    assert entry["error"]["type"] == "taskyard.exceptions.TaskNotFound"
    assert "no task" in entry["error"]["traceback"]


@pytest.mark.parametrize("path", [*GONE.values(), *NO_TASKS.values()], ids=[*GONE, *NO_TASKS])
def test_the_result_of_a_task_that_is_gone_says_so(path):
    job = add_job(task=path)

    with pytest.raises(TaskNotFound, match=str(job.id)):
        get_result(job.id)


def _drain_all():
    """Drain, where the result of a job cannot be shown: `drain` itself then says why."""
    try:
        drain()
    except TaskNotFound:
        drain()


# --- arguments that do not fit ---

MISFITS = {
    "too-few": ([1], {}),
    "too-many": ([1, 2, 3], {}),
    "unknown-name": ([1, 2], {"c": 3}),
    "twice": ([1, 2], {"b": 3}),
}


@pytest.mark.parametrize(("args", "kwargs"), MISFITS.values(), ids=MISFITS)
def test_arguments_that_no_longer_fit_fail_the_job_with_the_reason(args, kwargs):
    result = add.enqueue(*args, **kwargs)

    drain()

    result.refresh()
    assert result.status == TaskResultStatus.FAILED
    [error] = result.errors
    assert error.exception_class is BadArguments
    assert add.module_path in error.traceback
    assert "do not fit" in error.traceback


def test_a_type_error_of_the_task_itself_is_not_blamed_on_its_arguments():
    result = add.enqueue(1, "two")

    drain()

    result.refresh()
    assert [error.exception_class for error in result.errors] == [TypeError]


def test_a_value_that_is_not_json_fails_the_job():
    result = return_what_is_not_json.enqueue()

    drain()

    result.refresh()
    assert [error.exception_class for error in result.errors] == [TypeError]


# --- JSON that is none, or of another shape ---


def write_raw(job, column, text):
    """Write what the column's own check would refuse."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA ignore_check_constraints = ON")
        cursor.execute(
            f"UPDATE {JOB_TABLE} SET {column} = %s WHERE id = %s", [text, job_key(job.pk, connection)]
        )
        cursor.execute("PRAGMA ignore_check_constraints = OFF")


@pytest.fixture
def unchecked():
    if connection.vendor != "sqlite":
        pytest.skip("the column's type or check constraint keeps out what is no JSON")
    return write_raw


CORRUPT = ["{", "", "[1,", "nope", "\x00"]


@pytest.mark.parametrize("text", CORRUPT, ids=repr)
@pytest.mark.parametrize("column", ["args", "kwargs"])
def test_arguments_that_are_no_json_fail_their_job_alone(unchecked, column, text):
    healthy, job = add_job(), add_job()
    unchecked(job, column, text)

    jobs = claim_waiting(Claims(backend="default", queues=("default",), worker="bob", limit=5))

    assert {each.id for each in jobs} == {healthy.id, job.id}
    Job.objects.update(state=JobState.READY, attempt=0)
    drain()
    row = fresh(job)
    assert row.state == JobState.FAILED
    assert row.attempts[0]["error"]["type"] == "taskyard.exceptions.BadArguments"
    assert f"The column {column} of job {job.id} is no JSON" in row.attempts[0]["error"]["traceback"]
    assert fresh(healthy).state == JobState.SUCCESSFUL


@pytest.mark.parametrize("column", ["args", "kwargs", "return_value", "attempts", "progress"])
def test_a_job_with_a_corrupt_column_can_be_looked_at(unchecked, column):
    job = add_job(JobState.SUCCESSFUL)
    unchecked(job, column, "{nope")

    result = get_result(job.id)

    assert result.status == TaskResultStatus.SUCCESSFUL
    assert result.return_value == (None if column == "return_value" else 7)
    assert (result.args, result.kwargs, result.errors) == ([], {}, [])
    assert get_progress(job.id) is None


@pytest.mark.parametrize("column", ["attempts", "progress"])
def test_a_job_with_a_corrupt_column_runs_as_ever(unchecked, column):
    job = add_job()
    unchecked(job, column, "{nope")

    drain()

    assert fresh(job).state == JobState.SUCCESSFUL


def test_a_job_with_a_corrupt_history_can_be_requeued(unchecked):
    job = add_job(JobState.FAILED)
    unchecked(job, "attempts", "{nope")

    assert requeue([job.id]) == 1
    drain()

    assert fresh(job).state == JobState.SUCCESSFUL


SHAPES = [
    *(("args", value) for value in ({"a": 1}, "text", 7, None, True)),
    *(("kwargs", value) for value in ([1], "text", 7, None)),
]


@pytest.mark.parametrize(("column", "value"), SHAPES, ids=lambda value: repr(value))
def test_arguments_of_another_shape_fail_their_job_with_the_reason(column, value):
    healthy, job = add_job(), add_job()
    Job.objects.filter(pk=job.pk).update(**{column: Value(value, JSONField())})

    drain()

    row = fresh(job)
    assert row.state == JobState.FAILED
    assert row.attempts[0]["error"]["type"] == "taskyard.exceptions.BadArguments"
    assert f"The column {column} of job {job.id} holds" in row.attempts[0]["error"]["traceback"]
    assert fresh(healthy).state == JobState.SUCCESSFUL


def test_keyword_arguments_of_another_shape_are_told_from_a_signature_that_changed():
    job = add_job(task=leave.module_path, kwargs={"a b": 1})

    drain()

    assert "do not fit" in fresh(job).attempts[0]["error"]["traceback"]


HISTORIES = {
    "object": {"x": 1},
    "text": "text",
    "numbers": [1, 2],
    "texts": ["failed"],
    "nulls": [None],
    "without-outcome": [{"worker": "ada"}],
    "error-as-text": [{"outcome": "failed", "error": "ValueError", "worker": "ada"}],
    "error-without-type": [{"outcome": "failed", "error": {"traceback": ""}}],
    "worker-as-number": [{"outcome": "failed", "worker": 7}],
}


@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES)
def test_a_history_of_another_shape_stops_nothing(history):
    job, failing = add_job(attempts=history), add_job(attempts=history, task=flaky.module_path)

    assert get_result(job.id).status == TaskResultStatus.READY
    drain()

    assert fresh(job).state == JobState.SUCCESSFUL
    assert fresh(failing).state == JobState.READY
    assert get_result(failing.id).errors[-1].exception_class is OSError


PROGRESSES = {
    "list": [1],
    "text": "half",
    "empty": {},
    "other-keys": {"percent": 50},
    "other-types": {"done": "one", "total": None, "message": None},
}


@pytest.mark.parametrize("progress", PROGRESSES.values(), ids=PROGRESSES)
def test_progress_of_another_shape_stops_nothing(progress):
    job = add_job(progress=progress)

    get_progress(job.id)
    get_result(job.id)
    drain()

    assert fresh(job).state == JobState.SUCCESSFUL


# --- backends that are gone ---


def test_a_job_of_a_backend_that_is_gone_can_be_looked_at():
    job = add_job(backend="gone")

    result = get_result(job.id)

    assert (result.backend, result.status) == ("gone", TaskResultStatus.READY)
    assert nothing.get_result(job.id) == result


def test_what_needs_a_backend_that_is_gone_says_which():
    job = add_job(backend="gone")
    result = get_result(job.id)

    with pytest.raises(InvalidTaskBackend, match="gone"):
        result.refresh()
    with pytest.raises(InvalidTaskBackend, match="gone"):
        drain()


def test_a_job_older_than_the_present_queues_runs():
    """QUEUES guards what is enqueued; what is in the table already must still run."""
    job = add_job(queue="closed-down")

    drain()

    assert fresh(job).state == JobState.SUCCESSFUL
    assert get_result(job.id).task.queue_name == "closed-down"


def test_a_priority_out_of_range_is_only_a_priority():
    job = add_job(priority=32_000)

    assert claim(job.id, "bob").priority == 32_000
    assert get_result(job.id).task.priority == 32_000


def test_a_job_from_before_the_epoch_of_its_own_enqueueing_runs():
    job = add_job(run_after=PAST, due_at=PAST, delivered_at=None)

    drain()

    assert fresh(job).state == JobState.SUCCESSFUL

"""A job as Django's `TaskResult` shows it, at every stage of its life."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from asgiref.sync import async_to_sync
from django.test import override_settings

import taskyard
from taskyard import TaskResultDoesNotExist, TaskResultMismatch, TaskResultStatus
from taskyard.exceptions import Cancelled
from taskyard.models import Job
from taskyard.testing import drain
from taskyard.transitions import cancel_waiting, claim, requeue
from tests.example.tasks import add, fail, flaky, important, nothing, succeed_at
from tests.tasks.jobs import timed

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["default", "leased"])
def alias(request):
    return request.param


def test_a_new_job_is_ready(alias):
    with timed() as window:
        result = add.using(backend=alias, queue_name="mail", priority=3).enqueue(1, b=2)

    for shown in (result, add.get_result(result.id)):
        assert shown.status == TaskResultStatus.READY
        assert shown.enqueued_at in window
        assert (shown.started_at, shown.last_attempted_at, shown.finished_at) == (None, None, None)
        assert (shown.args, shown.kwargs) == ([1], {"b": 2})
        assert (shown.backend, shown.errors, shown.worker_ids, shown.attempts) == (alias, [], [], 0)
        assert (shown.task.queue_name, shown.task.priority, shown.task.backend) == ("mail", 3, alias)
        assert not shown.is_finished
        with pytest.raises(ValueError, match="not finished"):
            _ = shown.return_value


def test_a_claimed_job_is_running(alias):
    result = add.using(backend=alias).enqueue(1, 2)

    with timed() as window:
        claim(UUID(result.id), "bob")
    result.refresh()

    assert result.status == TaskResultStatus.RUNNING
    assert result.started_at in window
    assert (result.last_attempted_at, result.finished_at) == (result.started_at, None)
    assert (result.worker_ids, result.attempts) == (["bob"], 1)
    with pytest.raises(ValueError, match="not finished"):
        _ = result.return_value


def test_a_job_that_returned_is_successful(alias):
    result = add.using(backend=alias).enqueue(1, 2)

    with timed() as window:
        [drained] = drain()
    result.refresh()

    assert result == drained
    assert (result.status, result.return_value, result.errors) == (TaskResultStatus.SUCCESSFUL, 3, [])
    assert result.is_finished
    assert result.started_at in window
    assert result.finished_at in window
    assert result.started_at <= result.finished_at
    assert result.attempts == 1


def test_a_job_that_returned_nothing_is_successful(alias):
    result = nothing.using(backend=alias).enqueue()
    drain()
    result.refresh()

    assert (result.status, result.return_value) == (TaskResultStatus.SUCCESSFUL, None)


def test_a_job_that_raised_is_failed(alias):
    result = fail.using(backend=alias).enqueue("no such luck")
    drain()
    result.refresh()

    assert result.status == TaskResultStatus.FAILED
    assert result.is_finished
    [error] = result.errors
    assert error.exception_class is ValueError
    assert "in fail" in error.traceback
    assert error.traceback.endswith("ValueError: no such luck\n")
    with pytest.raises(ValueError, match="failed"):
        _ = result.return_value


def test_a_job_that_waits_for_its_next_attempt_is_ready_with_its_errors(alias):
    result = flaky.using(backend=alias).enqueue()
    drain()
    result.refresh()

    assert (result.status, result.finished_at, result.attempts) == (TaskResultStatus.READY, None, 1)
    assert [error.exception_class for error in result.errors] == [OSError]
    assert result.started_at == result.last_attempted_at != None  # noqa: E711 - a chain of comparisons


def test_a_job_that_was_tried_again_shows_all_its_attempts(alias):
    result = succeed_at.using(backend=alias).enqueue(3)
    drain()
    result.refresh()

    assert (result.status, result.return_value, result.attempts) == (TaskResultStatus.SUCCESSFUL, 3, 3)
    assert [error.traceback.splitlines()[-1] for error in result.errors] == [
        "ValueError: attempt 1",
        "ValueError: attempt 2",
    ]
    assert result.started_at < result.last_attempted_at <= result.finished_at


def test_a_cancelled_job_shows_as_failed_with_the_reason(alias):
    result = add.using(backend=alias).enqueue(1, 2)
    cancel_waiting([UUID(result.id)], timedelta(days=1))
    result.refresh()

    assert result.status == TaskResultStatus.FAILED
    assert [error.exception_class for error in result.errors] == [Cancelled]
    assert result.finished_at is not None


def test_a_job_that_was_run_once_more_shows_no_old_value(alias):
    result = add.using(backend=alias).enqueue(1, 2)
    drain()
    requeue([UUID(result.id)])
    result.refresh()

    assert (result.status, result.finished_at) == (TaskResultStatus.READY, None)
    with pytest.raises(ValueError, match="not finished"):
        _ = result.return_value


def test_the_async_twins_show_the_same(alias):
    async def scenario():
        result = await add.using(backend=alias).aenqueue(1, 2)
        assert result.status == TaskResultStatus.READY
        await taskyard.testing.adrain()
        await result.arefresh()
        assert result == await add.aget_result(result.id) == await taskyard.aget_result(result.id)
        return result

    result = async_to_sync(scenario)()

    assert (result.status, result.return_value) == (TaskResultStatus.SUCCESSFUL, 3)


# --- looking up ---

NO_IDS = [
    pytest.param("", id="empty"),
    pytest.param("abc", id="word"),
    pytest.param("x" * 300, id="long"),
    pytest.param("\x00", id="nul"),
    pytest.param("ñ🦉", id="not-ascii"),
    pytest.param(None, id="none"),
    pytest.param(7, id="number"),
    pytest.param(str(uuid4()), id="unknown"),
    pytest.param(uuid4(), id="unknown-uuid"),
    pytest.param(str(uuid4())[:-1], id="cut-off"),
]


@pytest.mark.parametrize("result_id", NO_IDS)
def test_an_unknown_or_malformed_id_does_not_exist(alias, result_id):
    nothing.using(backend=alias).enqueue()
    there = nothing.using(backend=alias)

    for look in (there.get_result, there.get_backend().get_result, taskyard.get_result):
        with pytest.raises(TaskResultDoesNotExist):
            look(result_id)
    for look in (there.aget_result, there.get_backend().aget_result, taskyard.aget_result):
        with pytest.raises(TaskResultDoesNotExist):
            async_to_sync(look)(result_id)


def test_the_error_of_a_long_id_is_short():
    with pytest.raises(TaskResultDoesNotExist) as caught:
        taskyard.get_result("x" * 100_000)

    assert len(str(caught.value)) < 300


def test_another_tasks_job_is_a_mismatch(alias):
    result = add.using(backend=alias).enqueue(1, 2)

    with pytest.raises(TaskResultMismatch):
        nothing.using(backend=alias).get_result(result.id)
    with pytest.raises(TaskResultMismatch):
        async_to_sync(nothing.using(backend=alias).aget_result)(result.id)


def test_a_job_is_found_whatever_its_task_and_backend(alias):
    result = important.using(backend=alias).enqueue("x")

    found = taskyard.get_result(result.id)

    assert (found.task.module_path, found.backend) == (important.module_path, alias)


def test_a_job_is_found_where_the_default_backend_is_djangos_own():
    immediate = f"{taskyard.compat.BaseTaskBackend.__module__.rpartition('.')[0]}.immediate.ImmediateBackend"
    with override_settings(
        TASKS={
            "default": {"BACKEND": immediate, "QUEUES": []},
            "jobs": {"BACKEND": "tests.example.backends.RecordingBackend"},
        }
    ):
        result = nothing.using(backend="jobs").enqueue()

        assert taskyard.get_result(result.id) == result
        assert async_to_sync(taskyard.aget_result)(result.id) == result


def test_a_result_of_a_pruned_job_does_not_exist_any_more():
    result = nothing.enqueue()
    Job.objects.all().delete()

    with pytest.raises(TaskResultDoesNotExist, match="pruned"):
        result.refresh()


# --- ids ---


def test_ids_are_uuids_of_version_7_and_sort_by_age(alias):
    ids = [nothing.using(backend=alias).enqueue().id for _ in range(20)]

    assert {UUID(each).version for each in ids} == {7}
    assert ids == sorted(ids)
    assert list(Job.objects.order_by("id").values_list("id", flat=True)) == [UUID(each) for each in ids]


def test_the_id_is_known_before_delivery(recording_backend):
    result = nothing.using(backend="leased").enqueue()

    # The test's own transaction is open: nothing is delivered yet.
    assert recording_backend.delivered == []
    assert Job.objects.get().id == UUID(result.id)


def test_refresh_of_one_result_leaves_another_reading_alone():
    result = add.enqueue(1, 2)
    reading = add.get_result(result.id)
    drain()
    result.refresh()

    assert (result.status, reading.status) == (TaskResultStatus.SUCCESSFUL, TaskResultStatus.READY)
    assert Job.objects.filter(state="SUCCESSFUL").count() == 1

"""Unique jobs, metadata and snoozes with a worker's real process in between."""

import pytest

from taskyard import TaskResultStatus, job_metadata
from taskyard.models import Job
from taskyard.states import JobState
from tests.example.tasks import index, once, snooze, snooze_async, tell_about_me, tell_about_me_async
from tests.support.servers import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_job_knows_in_its_worker_what_it_was_enqueued_with(start):
    with job_metadata(request_id="r1"):
        results = [tell_about_me.enqueue(), tell_about_me_async.enqueue()]

    start("worker", "--burst").ended()

    for result in results:
        result.refresh()
        assert result.return_value == [
            result.id,
            result.task.module_path,
            "default",
            1,
            {"request_id": "r1"},
        ]


def test_snoozes_on_a_worker_count_no_attempt(start):
    results = [snooze.enqueue(0.1, 3), snooze_async.enqueue(0.1, 3)]

    start("worker")
    wait_until(lambda: _all_finished(results), "the snoozing jobs have finished")

    for result in results:
        assert (result.status, result.return_value) == (TaskResultStatus.SUCCESSFUL, 1)
        assert Job.objects.get(pk=result.id).attempt == 4


def _all_finished(results):
    for result in results:
        result.refresh()
    return all(result.is_finished for result in results)


def test_a_unique_job_can_be_enqueued_again_once_a_worker_has_run_it(start, effects):
    assert [once.enqueue(1).is_duplicate for _ in range(3)] == [False, True, True]
    assert [index.enqueue(7).is_duplicate for _ in range(3)] == [False, True, True]

    start("worker", "--burst").ended()

    assert sorted(effects()) == ["1 red", "7 "]
    assert set(Job.objects.values_list("state", "unique_key")) == {(JobState.SUCCESSFUL, None)}
    assert not once.enqueue(1).is_duplicate
    assert not index.enqueue(7).is_duplicate

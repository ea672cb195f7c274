"""Cancel, retry, run now: one job or many, and what becomes of those that moved on."""

from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync

import taskyard
from taskyard import TaskResultDoesNotExist, cancel, cancel_many, retry, retry_many, run_now, run_now_many
from taskyard.exceptions import UniqueConflict
from taskyard.models import Job
from taskyard.operating import operations as operations_module
from taskyard.signals import job_cancelled
from taskyard.states import FINISHED, JobState
from taskyard.testing import drain
from taskyard.transitions import claim
from tests.example.tasks import fail, nothing
from tests.tasks.jobs import FAILURE, FUTURE, add_job, changed, fresh, row_of
from tests.tasks.operations.tasks import kept_an_hour, kept_by_state, once
from tests.tasks.threads import at_once

pytestmark = pytest.mark.django_db


def deferred(**columns):
    return add_job(delivered_at=None, deliveries=0, due_at=FUTURE, **columns)


@pytest.mark.parametrize(
    "as_given", [str, lambda pk: pk, lambda pk: Job.objects.get(pk=pk), taskyard.get_result]
)
def test_a_job_is_named_by_whatever_is_at_hand(as_given):
    job = add_job()

    assert cancel(
        as_given(job.pk) if as_given is not taskyard.get_result else taskyard.get_result(str(job.pk))
    )
    assert fresh(job).state == JobState.CANCELLED


@pytest.mark.parametrize("operation", [cancel, retry, run_now])
@pytest.mark.parametrize("unknown", ["nonsense", "01a1fecd-8244-73c4-9e63-36a07df906b2"])
def test_an_unknown_job_is_refused(operation, unknown):
    with pytest.raises(TaskResultDoesNotExist):
        operation(unknown)


# --- cancel ---


def test_a_waiting_job_that_is_cancelled_never_starts():
    job = add_job()

    assert cancel(job)

    row = fresh(job)
    assert row.state == JobState.CANCELLED
    assert row.finished_at is not None
    assert claim(job.pk, "bob") is None
    assert not cancel(job), "it is finished"


def test_a_deferred_job_is_cancelled():
    job = deferred()

    assert cancel(job)
    assert fresh(job).due_at is None


def test_the_worker_of_a_running_job_is_asked_to_stop_it():
    job = add_job(JobState.RUNNING)

    assert cancel(job)

    assert changed(job, fresh(job)) == {"cancel_requested_at"}
    assert not cancel(job), "once is enough"


@pytest.mark.parametrize("state", sorted(FINISHED), ids=str.lower)
def test_a_finished_job_cannot_be_cancelled(state):
    job = add_job(state)
    before = row_of(job)

    assert not cancel(job)
    assert row_of(job) == before


def test_who_wants_to_know_hears_of_a_cancelled_job():
    heard = []

    def listen(sender, task_result, **_):
        heard.append((sender.__name__, task_result.id))

    waiting, running = add_job(), add_job(JobState.RUNNING)
    job_cancelled.connect(listen)
    try:
        cancel(waiting)
        cancel(running)
    finally:
        job_cancelled.disconnect(listen)

    assert heard == [("EmbeddedBackend", str(waiting.pk))]


@pytest.mark.django_db(transaction=True)
def test_a_job_that_is_claimed_and_cancelled_at_once_is_asked_or_cancelled():
    for _ in range(20):
        job = add_job()
        at_once(lambda: claim(job.pk, "bob"), lambda: cancel(job))  # noqa: B023

        row = fresh(job)
        assert (row.state, row.cancel_requested_at is not None) in {
            (JobState.CANCELLED, False),
            (JobState.RUNNING, True),
        }


# --- retry ---


@pytest.mark.parametrize("state", sorted(FINISHED), ids=str.lower)
def test_a_finished_job_runs_again_and_keeps_its_history(state):
    job = add_job(state, attempts=[FAILURE])

    assert retry(job)

    row = fresh(job)
    assert row.state == JobState.READY
    assert row.history()[0] == FAILURE
    assert drain() == 1 or fresh(job).state == JobState.SUCCESSFUL


@pytest.mark.parametrize("state", [JobState.READY, JobState.RUNNING], ids=str.lower)
def test_an_unfinished_job_cannot_be_retried(state):
    job = add_job(state)
    before = row_of(job)

    assert not retry(job)
    assert row_of(job) == before


def test_a_retry_that_would_double_a_unique_job_explains_itself():
    first = once.enqueue(7)
    drain()
    second = once.enqueue(order=7)

    with pytest.raises(UniqueConflict, match=f"job {second.id} with the same key is there \\(ready\\)"):
        retry(first)
    assert retry_many(Job.objects.all()) == 0
    assert fresh(Job(pk=first.id)).state == JobState.SUCCESSFUL

    cancel(second)
    assert retry(first)
    assert once.enqueue(7).id == first.id, "it is unique again"


# --- run now ---


def test_a_deferred_job_starts_at_once():
    job = deferred(run_after=FUTURE)

    assert run_now(job)

    assert changed(job, fresh(job)) == {"due_at"}
    drain()
    assert fresh(job).state == JobState.SUCCESSFUL
    assert not run_now(job)


def test_a_retrying_job_starts_at_once():
    job = deferred(attempt=1, attempts=[FAILURE])

    assert run_now(job)
    drain()
    assert fresh(job).state == JobState.SUCCESSFUL


def test_a_job_that_waits_for_no_time_is_left_alone():
    job = add_job()
    before = row_of(job)

    assert not run_now(job)
    assert row_of(job) == before


# --- many ---


def test_a_dry_run_counts_and_does_nothing():
    jobs = [add_job(), deferred(), add_job(JobState.RUNNING), add_job(JobState.FAILED)]
    before = [row_of(job) for job in jobs]

    assert cancel_many(Job.objects.all(), dry_run=True) == 3
    assert retry_many(Job.objects.all(), dry_run=True) == 1
    assert run_now_many(Job.objects.all(), dry_run=True) == 1
    assert [row_of(job) for job in jobs] == before


def test_many_are_done_in_batches_and_others_left_alone(monkeypatch):
    monkeypatch.setattr(operations_module, "BATCH", 2)
    mail = [add_job(queue="mail", args=[number]) for number in range(5)]
    other = add_job()
    passed = []

    assert (
        operations_module.CANCEL.to_many(
            Job.objects.filter(queue="mail"), on_batch=lambda *numbers: passed.append(numbers)
        )
        == 5
    )

    assert passed == [(2, 2), (2, 2), (1, 1)]
    assert {fresh(job).state for job in mail} == {JobState.CANCELLED}
    assert fresh(other).state == JobState.READY


def test_a_job_that_fails_again_meanwhile_is_not_retried_twice(monkeypatch):
    monkeypatch.setattr(operations_module, "BATCH", 1)
    for _ in range(3):
        fail.enqueue()
    drain()

    def fail_again(*_):
        drain()

    assert operations_module.RETRY.to_many(Job.objects.all(), on_batch=fail_again) == 3


def test_cancelled_jobs_are_kept_as_their_task_says():
    results = {
        task.enqueue().id: kept for task, kept in ((kept_an_hour, 1), (kept_by_state, 24), (nothing, 168))
    }

    assert cancel_many(Job.objects.all()) == 3

    kept = {str(job.pk): job.prune_at - job.finished_at for job in Job.objects.all()}
    assert kept == {pk: timedelta(hours=hours) for pk, hours in results.items()}


def test_jobs_that_come_on_the_way_are_left_alone(monkeypatch):
    monkeypatch.setattr(operations_module, "BATCH", 1)
    add_job(), add_job()
    late = []

    operations_module.CANCEL.to_many(Job.objects.all(), on_batch=lambda *_: late.append(add_job()))

    assert {fresh(job).state for job in late} == {JobState.READY}
    assert len(late) == 2


def test_the_async_twins_do_the_same():
    async def steer(result_id):
        assert await taskyard.acancel(result_id)
        assert await taskyard.aretry(result_id)
        assert not await taskyard.arun_now(result_id)
        assert await taskyard.acancel_many(Job.objects.all()) == 1
        assert await taskyard.aretry_many(Job.objects.all(), dry_run=True) == 1
        assert await taskyard.arun_now_many(Job.objects.all()) == 0

    async_to_sync(steer)(nothing.enqueue().id)

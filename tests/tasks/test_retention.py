"""Finished jobs are deleted once their time has come, a batch at a time, and nothing else ever is."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from taskyard.models import Job
from taskyard.retention import prune
from taskyard.states import FINISHED, JobState
from taskyard.testing import drain
from taskyard.transitions import requeue
from tests.example.tasks import nothing
from tests.tasks.jobs import FUTURE, PAST, add_job
from tests.tasks.threads import at_once

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("state", sorted(FINISHED), ids=str.lower)
def test_a_finished_job_past_its_time_is_deleted(state):
    add_job(state, prune_at=PAST)

    assert prune() == 1
    assert not Job.objects.exists()


@pytest.mark.parametrize("state", sorted(FINISHED), ids=str.lower)
def test_a_finished_job_is_kept_until_its_time(state):
    add_job(state, prune_at=FUTURE)

    assert prune() == 0
    assert Job.objects.count() == 1


@pytest.mark.parametrize("state", sorted(set(JobState) - FINISHED), ids=str.lower)
def test_a_job_that_is_not_finished_is_kept_however_old(state):
    add_job(state, enqueued_at=PAST, due_at=PAST)

    assert prune() == 0
    assert Job.objects.count() == 1


def test_pruning_goes_in_batches_oldest_first():
    jobs = [add_job(JobState.SUCCESSFUL, prune_at=PAST + timedelta(days=days)) for days in (3, 1, 2, 5, 4)]
    add_job(JobState.SUCCESSFUL, prune_at=FUTURE)

    assert prune(limit=2) == 2
    assert not Job.objects.filter(pk__in=[jobs[1].pk, jobs[2].pk]).exists()
    assert [prune(limit=2) for _ in range(3)] == [2, 1, 0]
    assert Job.objects.count() == 1


def test_a_batch_is_deleted_by_one_statement():
    for _ in range(5):
        add_job(JobState.SUCCESSFUL, prune_at=PAST)

    with CaptureQueriesContext(connection) as queries:
        prune()

    assert len([each for each in queries if each["sql"].startswith("DELETE")]) == 1


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_enqueues_is_not_waited_for():
    if connection.vendor == "sqlite":
        pytest.skip("one writer at a time is the rule here")
    add_job(JobState.SUCCESSFUL, prune_at=PAST)

    with transaction.atomic():
        new = add_job()
        assert at_once(prune) == [1]

    assert list(Job.objects.all()) == [new]


def test_a_job_that_was_requeued_is_kept():
    job = add_job(JobState.FAILED, prune_at=PAST)
    requeue([job.id])

    assert prune() == 0
    assert Job.objects.count() == 1


def test_a_finished_job_is_kept_for_a_week_unless_told_otherwise():
    result = nothing.enqueue()
    drain()

    assert prune() == 0
    assert Job.objects.filter(pk=UUID(result.id)).exists()


@pytest.mark.django_db(transaction=True)
def test_several_prune_at_once():
    for _ in range(200):
        add_job(JobState.SUCCESSFUL, prune_at=PAST)
    kept = add_job(JobState.SUCCESSFUL, prune_at=FUTURE)

    def prune_all():
        total = 0
        while gone := prune(limit=10):
            total += gone
        return total

    gone = sum(at_once(prune_all, prune_all, prune_all)) + prune_all()

    assert gone == 200
    assert list(Job.objects.values_list("pk", flat=True)) == [kept.pk]

"""Workers that really act at the same instant: every job to one of them, every attempt won once."""

from collections import Counter

import pytest
from django.db import connection, transaction

from taskyard.delivery import take_due
from taskyard.models import Job
from taskyard.states import Event, JobState
from taskyard.transitions import Claims, claim, claim_waiting, conclude, requeue
from tests.tasks.jobs import PAST, add_job, outcome
from tests.tasks.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)

WORKERS = 8
JOBS = 500


def _add_jobs(number, **columns):
    like = add_job(**columns)
    given = {
        field.attname: getattr(like, field.attname)
        for field in Job._meta.concrete_fields
        if field.name != "id"
    }
    Job.objects.bulk_create(Job(**given) for _ in range(number - 1))


def test_many_workers_run_each_job_exactly_once():
    _add_jobs(JOBS)

    def work(worker):
        claims = Claims(backend="default", queues=("default",), worker=worker, limit=7)
        done = []
        while jobs := claim_waiting(claims):
            recorded = conclude([outcome(job, Event.SUCCEED, return_value=worker) for job in jobs])
            assert recorded == {(job.id, 1) for job in jobs}
            done += [job.id for job in jobs]
        return done

    names = [f"worker-{n}" for n in range(WORKERS)]
    done = at_once(*(lambda name=name: work(name) for name in names))

    claimed = Counter(job_id for each in done for job_id in each)
    assert len(claimed) == JOBS
    assert set(claimed.values()) == {1}
    assert Job.objects.filter(state=JobState.SUCCESSFUL, attempt=1).count() == JOBS
    by_worker = Counter(Job.objects.values_list("return_value", flat=True))
    assert by_worker == {name: len(each) for name, each in zip(names, done, strict=True) if each}


@pytest.mark.parametrize("round_", range(5))
def test_one_of_two_outcomes_at_the_same_instant_wins(round_):
    job = add_job(JobState.RUNNING)

    answers = at_once(
        lambda: conclude([outcome(job, Event.SUCCEED, return_value="first")]),
        lambda: conclude([outcome(job, Event.RESCUE)]),
    )

    assert sorted(answers, key=len) == [set(), {(job.id, 1)}]
    state = Job.objects.get().state
    assert state == (JobState.SUCCESSFUL if answers[0] else JobState.READY)


@pytest.mark.parametrize("round_", range(5))
def test_one_of_two_claims_at_the_same_instant_wins(round_):
    job = add_job()

    answers = at_once(lambda: claim(job.id, "ada"), lambda: claim(job.id, "bob"))

    [winner] = [each for each in answers if each is not None]
    row = Job.objects.get()
    assert (row.worker, row.attempt) == (winner.worker, 1)


@pytest.mark.parametrize("round_", range(5))
def test_one_of_two_requeues_at_the_same_instant_counts(round_):
    job = add_job(JobState.FAILED)

    answers = at_once(lambda: requeue([job.id]), lambda: requeue([job.id]))

    assert sorted(answers) == [0, 1]
    assert [entry["outcome"] for entry in Job.objects.get().attempts] == ["failed", "requeued"]


def test_a_due_job_goes_to_one_dispatcher():
    _add_jobs(200, delivered_at=None, deliveries=0, due_at=PAST, backend="leased")

    def take():
        taken = []
        while jobs := take_due("leased", leased=True, limit=9):
            taken += [job.id for job in jobs]
        return taken

    taken = Counter(job_id for each in at_once(take, take, take, take) for job_id in each)

    assert len(taken) == 200
    assert set(taken.values()) == {1}
    assert set(Job.objects.values_list("deliveries", flat=True)) == {1}


def test_claims_pass_over_what_another_is_taking():
    """A worker in the middle of a claim holds up no other."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time; MariaDB locks every row that it read to find the best")
    _add_jobs(2)
    claims = Claims(backend="default", queues=("default",), worker="bob", limit=1)

    with transaction.atomic():
        [first] = claim_waiting(claims)
        [[second]] = at_once(lambda: claim_waiting(claims))

    assert first.id != second.id

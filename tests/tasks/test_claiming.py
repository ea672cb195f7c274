"""Taking jobs: which, in which order, and what the row says after it."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from taskyard.models import Job
from taskyard.states import JobState
from taskyard.transitions import Claims, claim, claim_waiting
from tests.tasks.jobs import FUTURE, PAST, add_job, changed, fresh, timed

pytestmark = pytest.mark.django_db


def take(*queues, limit=10, worker="bob", backend="default"):
    return claim_waiting(Claims(backend=backend, queues=queues or ("default",), worker=worker, limit=limit))


BOTH_WAYS = pytest.mark.parametrize(
    "take_one",
    [lambda job: claim(job.id, "bob"), lambda job: take(limit=1)[0]],
    ids=["by-id", "from-the-table"],
)


@BOTH_WAYS
def test_a_claim_notes_who_took_the_job_and_when(take_one):
    job = add_job(due_at=FUTURE)

    with timed() as window:
        claimed = take_one(job)

    row = fresh(job)
    assert changed(job, row) == {"state", "worker", "attempt", "due_at", "started_at", "last_attempted_at"}
    assert (row.state, row.worker, row.attempt, row.due_at) == (JobState.RUNNING, "bob", 1, None)
    assert row.started_at in window
    assert row.last_attempted_at in window
    assert changed(claimed, row) == set()


@BOTH_WAYS
def test_a_second_claim_counts_on_and_keeps_the_first_start(take_one):
    job = add_job(attempt=1, worker="ada", started_at=PAST, last_attempted_at=PAST)

    with timed() as window:
        take_one(job)

    row = fresh(job)
    assert (row.attempt, row.worker, row.started_at) == (2, "bob", PAST)
    assert row.last_attempted_at in window


def test_a_job_is_claimed_once():
    job = add_job()

    assert claim(job.id, "ada") is not None
    assert claim(job.id, "bob") is None
    assert take() == []
    assert fresh(job).worker == "ada"


def test_a_job_that_was_not_delivered_cannot_be_claimed():
    job = add_job(delivered_at=None, deliveries=0, due_at=PAST)

    assert claim(job.id, "bob") is None
    assert take() == []
    assert fresh(job).state == JobState.READY


def test_an_unknown_job_cannot_be_claimed():
    assert claim(uuid4(), "bob") is None


def test_the_order_is_priority_then_delivery_then_id():
    def at(minute, **columns):
        return add_job(delivered_at=PAST + timedelta(minutes=minute), **columns)

    late, early = at(5), at(1)
    twin_b = at(3, id=UUID(int=12))
    twin_a = at(3, id=UUID(int=11))
    urgent, most_urgent, lazy = at(9, priority=10), at(8, priority=100), at(0, priority=-100)

    taken = take(limit=4)
    rest = take(limit=10)

    assert [job.id for job in taken] == [most_urgent.id, urgent.id, early.id, twin_a.id]
    assert [job.id for job in rest] == [twin_b.id, late.id, lazy.id]


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7])
def test_several_queues_are_one_line(limit):
    def at(minute, queue, priority=0):
        return add_job(delivered_at=PAST + timedelta(minutes=minute), queue=queue, priority=priority)

    line = [
        *(at(9, "reports", priority=5), at(1, "mail"), at(2, "default")),
        *(at(3, "mail"), at(4, "mail"), at(5, "default")),
    ]

    taken = take("default", "mail", "reports", limit=limit)

    assert [job.id for job in taken] == [job.id for job in line[:limit]]
    assert Job.objects.filter(state=JobState.RUNNING).count() == min(limit, 6)


@pytest.mark.parametrize("queues", [("mail",), ("mail", "reports")], ids=["one", "two"])
def test_only_the_queues_asked_for_are_served(queues):
    mail = add_job(queue="mail")
    add_job(queue="default")

    assert [job.id for job in take(*queues)] == [mail.id]


@pytest.mark.parametrize("queues", [("default",), ("default", "mail")], ids=["one", "two"])
def test_only_the_backend_asked_for_is_served(queues):
    add_job(backend="leased")
    mine = add_job(backend="default")

    assert [job.id for job in take(*queues)] == [mine.id]


@pytest.mark.parametrize(
    ("queues", "limit"),
    [((), 5), (("default",), 0), (("default",), -1)],
    ids=["no-queues", "none", "negative"],
)
def test_a_claim_for_nothing_takes_nothing(queues, limit):
    job = add_job()

    assert claim_waiting(Claims(backend="default", queues=queues, worker="bob", limit=limit)) == []
    assert fresh(job).state == JobState.READY


def test_a_queue_named_twice_yields_each_job_once():
    jobs = [add_job() for _ in range(3)]

    taken = take("default", "default", limit=10)

    assert sorted(job.id for job in taken) == [job.id for job in jobs]
    assert {job.attempt for job in Job.objects.all()} == {1}

"""What an engine has lost is delivered again: on evidence, never on age alone."""

from datetime import timedelta

import pytest

from taskyard.delivery import FIRST_LEASE
from taskyard.states import JobState
from taskyard_workers.dispatcher import Dispatcher
from tests.tasks.jobs import FUTURE, PAST, add_job, fresh, row_of, timed
from tests.workers.deliveries import delivered, leased_job, running_job

pytestmark = pytest.mark.django_db


def test_a_lost_delivery_is_repeated_where_the_engines_queue_is_empty(caplog):
    job = leased_job()

    with timed() as window:
        Dispatcher().run_once()

    row = fresh(job)
    assert delivered() == [[job.id]]
    assert row.deliveries == 2
    assert row.delivered_at in window
    assert row.due_at in window.later(2 * FIRST_LEASE)
    assert "its queue is empty: delivered once more" in caplog.text


def test_a_long_healthy_queue_is_left_alone(recording_backend):
    """However old its jobs are, and without touching their rows."""
    recording_backend.depths = {"default": 3}
    jobs = [leased_job(deliveries=deliveries) for deliveries in (1, 2, 9)]
    before = [row_of(job) for job in jobs]

    Dispatcher().run_once()

    assert delivered() == []
    assert [row_of(job) for job in jobs] == before


def test_the_evidence_is_taken_queue_by_queue(recording_backend):
    recording_backend.depths = {"default": 7, "mail": 0}
    healthy = leased_job(queue="default")
    lost = {leased_job(queue="mail").id, leased_job(queue="reports").id}

    Dispatcher().run_once()

    assert {job_id for batch in delivered() for job_id in batch} == lost
    assert fresh(healthy).deliveries == 1


def test_a_delivery_that_was_overtaken_is_repeated_though_the_queue_is_long(recording_backend, caplog):
    recording_backend.depths = {"default": 100}
    lost = leased_job()
    running_job(delivered_at=PAST + timedelta(minutes=1))
    after = leased_job(delivered_at=PAST + timedelta(minutes=2))

    Dispatcher().run_once()

    assert delivered() == [[lost.id]]
    assert fresh(after).deliveries == 1
    assert "later ones run already: delivered once more" in caplog.text


OTHERS = {
    "queue": {"queue": "mail"},
    "priority": {"priority": 10},
    "a-moment-later": {"delivered_at": PAST + timedelta(seconds=1)},
}


@pytest.mark.parametrize("columns", OTHERS.values(), ids=OTHERS)
def test_only_a_later_delivery_of_the_same_queue_and_priority_overtakes(recording_backend, columns):
    recording_backend.depths = {"default": 100, "mail": 100}
    leased_job()
    running_job(**{"delivered_at": PAST + timedelta(minutes=1), **columns})

    Dispatcher().run_once()

    assert delivered() == []


def test_a_lost_job_is_not_delivered_in_every_round():
    job = leased_job()
    dispatcher = Dispatcher()

    for _ in range(3):
        dispatcher.run_once()
        Dispatcher().run_once()

    assert delivered() == [[job.id]]


def test_a_lost_delivery_that_fails_again_is_due_again(recording_backend):
    recording_backend.failure = ConnectionError("no broker")
    job = leased_job()

    with timed() as window:
        Dispatcher().run_once()

    row = fresh(job)
    assert row.delivered_at is None
    assert row.due_at in window.later(5)


def test_a_running_job_is_not_delivered_again():
    job = add_job(JobState.RUNNING, backend="leased", due_at=PAST)
    before = row_of(job)

    Dispatcher().run_once()

    assert delivered() == []
    assert row_of(job) == before


def test_a_job_whose_lease_holds_is_not_delivered_again():
    leased_job(due_at=FUTURE)

    Dispatcher().run_once()

    assert delivered() == []


def test_the_table_itself_loses_no_delivery():
    job = add_job(backend="default", due_at=None)
    before = row_of(job)

    Dispatcher().run_once()

    assert row_of(job) == before

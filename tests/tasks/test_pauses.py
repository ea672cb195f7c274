"""Paused queues: nothing is claimed from them, and nothing of theirs is lost."""

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from taskyard import pauses
from taskyard.pauses import bring_back, pause_queue, paused_queues, resume_queue, set_aside
from taskyard.states import JobState
from taskyard.transitions import Claims, claim, claim_waiting
from tests.tasks.jobs import PAST, add_job, fresh, row_of

pytestmark = pytest.mark.django_db


def claimed(*queues):
    return claim_waiting(Claims(backend="default", queues=queues, worker="bob", limit=10))


def test_pausing_and_resuming_tell_whether_that_is_news():
    assert pause_queue("mail", by="ada")
    assert not pause_queue("mail", by="bob")
    assert {name: row.paused_by for name, row in paused_queues().items()} == {"mail": "ada"}
    assert paused_queues()["mail"].paused_at is not None

    assert resume_queue("mail")
    assert not resume_queue("mail")
    assert paused_queues() == {}


@pytest.mark.django_db(transaction=True)
async def test_the_async_twins_do_the_same():
    assert await pauses.apause_queue("mail")
    assert list(await pauses.apaused_queues()) == ["mail"]
    assert await pauses.aresume_queue("mail")
    await sync_to_async(connections.close_all)()


@pytest.mark.parametrize("queues", [("mail",), ("default", "mail")], ids=["alone", "beside another"])
def test_nothing_is_claimed_from_a_paused_queue(queues):
    paused = add_job(queue="mail")
    other = add_job(queue="default")
    pause_queue("mail")

    assert [job.id for job in claimed(*queues)] == [other.id] * (len(queues) - 1)
    assert claim(paused.id, "bob") is None

    resume_queue("mail")
    assert claim(paused.id, "bob").id == paused.id


def test_a_job_is_set_aside_only_while_its_queue_is_paused():
    job = add_job(queue="mail")
    before = row_of(job)

    assert not set_aside(job.id, "default")
    assert row_of(job) == before

    pause_queue("mail")
    assert set_aside(job.id, "default")
    assert (fresh(job).delivered_at, fresh(job).due_at) == (None, None)
    assert not set_aside(job.id, "default"), "once is enough"


@pytest.mark.parametrize("state", [state for state in JobState if state != JobState.READY])
def test_what_does_not_wait_is_not_set_aside(state):
    pause_queue("default")
    job = add_job(state)
    before = row_of(job)

    assert not set_aside(job.id, "default")
    assert row_of(job) == before


def test_what_was_set_aside_comes_back_once_its_queue_is_resumed():
    aside = [add_job(queue="mail") for _ in range(3)]
    still_paused = add_job(queue="reports")
    for name in ("mail", "reports"):
        pause_queue(name)
    for job in [*aside, still_paused]:
        set_aside(job.id, "default")
    assert bring_back(10) == 0

    resume_queue("mail")

    assert bring_back(2) == 2
    assert bring_back(2) == 1
    assert all(fresh(job).due_at is not None for job in aside)
    assert fresh(still_paused).due_at is None


def test_a_deferred_job_is_none_that_was_set_aside():
    deferred = add_job(delivered_at=None, due_at=PAST)

    assert bring_back(10) == 0
    assert fresh(deferred).due_at == PAST

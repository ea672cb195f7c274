"""`aenqueue` and its kin: the same as their sync twins, and the event loop goes on meanwhile."""

import asyncio
import threading
from contextlib import contextmanager

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import connection, connections, transaction

from taskyard import aenqueue_many
from taskyard.models import JOB_TABLE, Job
from tests.example.backends import RecordingBackend
from tests.example.tasks import add, nothing

pytestmark = pytest.mark.django_db(transaction=True)

LEASED = nothing.using(backend="leased")
TICKS = 50


def ids(batches):
    return [[str(delivery.job_id) for delivery in batch] for batch in batches]


def test_outside_a_transaction_a_job_is_delivered_at_once(recording_backend):
    result = async_to_sync(LEASED.aenqueue)()

    assert ids(recording_backend.delivered) == [[result.id]]
    assert str(Job.objects.get().id) == result.id


def test_inside_a_transaction_the_delivery_waits_for_the_commit(recording_backend):
    with transaction.atomic():
        first = async_to_sync(LEASED.aenqueue)().id
        second = LEASED.enqueue().id
        assert recording_backend.delivered == []

    assert ids(recording_backend.delivered) == [[first, second]]


def test_a_rollback_leaves_no_job_and_no_delivery(recording_backend):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        async_to_sync(LEASED.aenqueue)()
        _ = 1 / 0

    assert not Job.objects.exists()
    assert recording_backend.delivered == []


async def test_on_a_loop_of_its_own_it_works_just_as_well(recording_backend):
    results = await aenqueue_many(add.using(backend="leased"), [(1, 2), {"a": 3, "b": 4}])

    assert ids(recording_backend.delivered) == [[result.id for result in results]]
    assert [job.args async for job in Job.objects.order_by("id")] == [[1, 2], []]
    await sync_to_async(connections.close_all)()


def test_many_coroutines_enqueue_side_by_side(recording_backend):
    async def scenario():
        return await asyncio.gather(*(add.using(backend="leased").aenqueue(n, n) for n in range(20)))

    results = async_to_sync(scenario)()

    assert len({result.id for result in results}) == 20
    assert sorted(job.args[0] for job in Job.objects.all()) == list(range(20))
    assert sorted(batch[0] for batch in ids(recording_backend.delivered)) == sorted(
        result.id for result in results
    )


LOCKS = {
    "sqlite": "SELECT 1",  # Its transactions are IMMEDIATE: the lock is taken at their start.
    "postgresql": f"LOCK TABLE {JOB_TABLE} IN SHARE MODE",
    "mysql": f"LOCK TABLES {JOB_TABLE} WRITE",
}


@contextmanager
def locked_table():
    """Hold up every insert until the function that is yielded is called."""
    locked, release = threading.Event(), threading.Event()

    def hold():
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(LOCKS[connection.vendor])
                locked.set()
                release.wait(30)
        finally:
            connections.close_all()

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert locked.wait(30)
        yield release.set
    finally:
        release.set()
        holder.join(30)


def test_the_loop_goes_on_while_an_insert_waits_for_the_database():
    async def scenario(release):
        enqueueing = asyncio.create_task(nothing.aenqueue())
        for _ in range(TICKS):
            await asyncio.sleep(0)
        assert not enqueueing.done(), "the insert cannot have happened: its table is locked"
        release()
        return await enqueueing

    with locked_table() as release:
        result = async_to_sync(scenario)(release)

    assert str(Job.objects.get().id) == result.id


def test_the_loop_goes_on_while_the_engine_is_slow(monkeypatch):
    """An engine without an async client delivers on a thread."""
    ticked = threading.Event()
    in_time = []

    async def scenario():
        loop, begun = asyncio.get_running_loop(), asyncio.Event()

        def deliver(*_):
            loop.call_soon_threadsafe(begun.set)
            in_time.append(ticked.wait(30))

        monkeypatch.setattr(RecordingBackend, "deliver", deliver)
        enqueueing = asyncio.create_task(LEASED.aenqueue())
        await begun.wait()
        for _ in range(TICKS):
            await asyncio.sleep(0)
        ticked.set()
        await enqueueing

    async_to_sync(scenario)()

    assert in_time == [True]


def test_an_engine_with_an_async_client_is_awaited(monkeypatch):
    awaited = []

    async def adeliver(self, batch):
        await asyncio.sleep(0)
        awaited.append([str(delivery.job_id) for delivery in batch])

    monkeypatch.setattr(RecordingBackend, "adeliver", adeliver)

    result = async_to_sync(LEASED.aenqueue)()

    assert awaited == [[result.id]]
    assert RecordingBackend.delivered == []


def test_a_delivery_that_fails_fails_no_caller(recording_backend, caplog):
    recording_backend.failure = ConnectionError("no broker")

    result = async_to_sync(LEASED.aenqueue)()

    job = Job.objects.get()
    assert str(job.id) == result.id
    assert (job.state, job.delivered_at) == ("READY", None)
    assert job.due_at is not None
    assert "could not be delivered" in caplog.text

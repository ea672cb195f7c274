"""arq's worker where its own habits could show."""

import asyncio
import json

from arq.connections import ArqRedis
from arq.worker import Worker, func
from asgiref.sync import async_to_sync
from redis.asyncio import ConnectionPool

from taskyard import enqueue_many
from taskyard.delivery import delivery_of
from taskyard.message import encode
from taskyard.models import Job
from taskyard.testing.conformance import tasks
from tests.adapters import scenarios
from tests.support.servers import wait_until


class TestDeliveries(scenarios.Deliveries):
    pass


class TestJunk(scenarios.Junk):
    pass


class TestEnding(scenarios.Ending):
    pass


class TestBrokerFaults(scenarios.BrokerTrouble):
    pass


def queue_of(engine):
    return f"{engine.backend.settings.PREFIX}:arq:default"


def test_what_we_write_is_what_arq_itself_would_read(engine):
    result = engine.on(tasks.leave).enqueue("x")

    async def jobs():
        pool = ConnectionPool.from_url(engine.backend.settings.BROKER_URL)
        try:
            client = ArqRedis(pool, job_deserializer=json.loads)
            return await client.queued_jobs(queue_name=queue_of(engine))
        finally:
            await pool.disconnect()

    [job] = asyncio.run(jobs())
    assert (job.function, job.args, job.kwargs) == ("taskyard.run", [encode(result.id)], {})
    assert job.job_id.startswith(f"{engine.backend.settings.PREFIX}:{result.id}:")


def test_all_keys_are_gone_once_the_jobs_are_done(engine, client):
    before = set(client.keys())
    enqueue_many(engine.on(tasks.leave), [(str(number),) for number in range(10)])

    worker = engine.worker("--burst")

    assert worker.ended() == 0, worker.log
    left = {key for key in set(client.keys()) - before if not key.endswith(b":health-check")}
    assert left == set()


def test_the_message_of_a_dead_process_is_anothers_after_a_while(engine, client):
    engine.on(tasks.leave).enqueue("x")
    [arq_id] = client.zrange(queue_of(engine), 0, -1)
    lock = b"arq:in-progress:" + arq_id
    client.set(lock, 1)

    assert engine.backend.queue_depths()["default"] == 0
    client.pexpire(lock, 1500)
    worker = engine.worker("--burst")

    assert worker.ended() == 0, worker.log
    assert engine.effects() == ["x"]


def test_messages_that_run_elsewhere_do_not_hide_those_behind_them(engine, client):
    enqueue_many(engine.on(tasks.leave), [(str(number),) for number in range(250)])
    for arq_id in client.zrange(queue_of(engine), 0, -1)[:249]:
        client.set(b"arq:in-progress:" + arq_id, 1)

    engine.worker()

    assert wait_until(engine.effects, "the last of them ran") == ["249"]


def test_a_running_jobs_lock_is_kept_alive(engine, client, monkeypatch):
    from taskyard_adapters.arq import queue_worker

    assert queue_worker.LOCK > 3
    engine.on(tasks.wait_for_test).enqueue("x")
    engine.worker()
    wait_until(engine.effects, "it runs")
    [lock] = client.keys(f"arq:in-progress:{engine.backend.settings.PREFIX}:*")
    client.pexpire(lock, (queue_worker.LOCK // 3 + 4) * 1000)

    wait_until(lambda: client.pttl(lock) > (queue_worker.LOCK - 2) * 1000, "it was renewed", 20)


def test_the_sites_own_arq_goes_on_beside_ours(engine, client):
    """Its queue, its functions and its pickles on the same Redis."""
    engine.worker()
    done = []

    async def own_job(_context, line):
        done.append(line)
        await engine.on(tasks.leave_async).aenqueue("from a job of arq's own")

    async def use_arq():
        pool = ConnectionPool.from_url(engine.backend.settings.BROKER_URL)
        try:
            client = ArqRedis(pool, default_queue_name=f"site-{engine.backend.settings.PREFIX}")
            own = Worker(
                [func(own_job, name="own_job")],
                queue_name=client.default_queue_name,
                redis_pool=client,
                burst=True,
                handle_signals=False,
                poll_delay=0.05,
            )
            await client.enqueue_job("own_job", "one")
            await own.async_run()
        finally:
            await pool.disconnect()

    async_to_sync(use_arq)()

    engine.finish()
    assert done == ["one"]
    assert engine.effects() == ["from a job of arq's own"]


def test_a_repeated_delivery_gets_through(engine, client):
    """arq drops a job whose id it knows already."""
    result = engine.on(tasks.leave).enqueue("x")
    client.delete(queue_of(engine))  # the entry is lost, the job's own key is still there

    engine.backend.deliver([delivery_of(Job.objects.get(pk=result.id))])
    worker = engine.worker("--burst")

    assert worker.ended() == 0, worker.log
    assert engine.effects() == ["x"]

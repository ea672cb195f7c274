"""Messages into arq's keys in Redis, and how many wait there: the client's side.

A message is what arq's own `enqueue_job` would write, a key with the job and an entry in the queue's sorted
set, but a whole batch goes in one round trip. Every delivery has an arq id of its own, because arq drops a
job whose id it has seen: a repeated delivery must get through.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import timedelta
from functools import cache
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import redis
from arq.connections import ArqRedis
from arq.constants import in_progress_key_prefix, job_key_prefix
from arq.jobs import serialize_job
from redis.asyncio import BlockingConnectionPool
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from taskyard.message import encode

from .options import ArqOptions

if TYPE_CHECKING:
    from taskyard.delivery import Delivery

JOB_NAME = "taskyard.run"
"""The one function that arq knows of."""

LIFETIME = timedelta(days=30)
"""How long a message may wait; a job whose message is gone by then is delivered once more."""

PRIORITY_STEP = LIFETIME
"""By how much one level of priority back-dates a message. No message lives longer, so no lower priority ever
overtakes a higher one."""

MOST_CONNECTIONS = 16
"""Connections of one event loop; who finds them all busy waits."""

LOOK = 200
"""Entries at the head of a queue among which those that run are told from those that wait."""


def queue_key(prefix: str, queue: str) -> str:
    """Return the key of a queue's sorted set."""
    return f"{prefix}:arq:{queue}"


def serialize(job: dict[str, Any]) -> bytes:
    """Write arq's job as JSON, in place of its pickles."""
    return json.dumps(job, separators=(",", ":")).encode()


def publish(settings: ArqOptions, batch: Sequence["Delivery"]) -> None:
    """Write a batch in one round trip; any thread may."""
    with client(settings.BROKER_URL, settings.BROKER_TIMEOUT).pipeline(transaction=False) as pipeline:
        _write(pipeline, settings.PREFIX, batch)
        pipeline.execute()


async def apublish(settings: ArqOptions, batch: Sequence["Delivery"]) -> None:
    """Write a batch in one round trip on the running event loop."""
    connected = await _client_of_loop(settings.BROKER_URL, settings.BROKER_TIMEOUT)
    async with connected.pipeline(transaction=False) as pipeline:
        _write(pipeline, settings.PREFIX, batch)
        await pipeline.execute()


def _write(pipeline: Any, prefix: str, batch: Sequence["Delivery"]) -> None:
    now = time.time_ns() // 1_000_000
    entries: dict[str, dict[str, int]] = {}
    for delivery in batch:
        arq_id = f"{prefix}:{delivery.job_id}:{token_hex(4)}"
        job = serialize_job(JOB_NAME, (encode(delivery.job_id),), {}, None, now, serializer=serialize)
        # The job before its entry: a worker that finds an entry without its job throws it away.
        pipeline.psetex(job_key_prefix + arq_id, LIFETIME, job)
        entries.setdefault(queue_key(prefix, delivery.queue), {})[arq_id] = _score(now, delivery.priority)
    for key, scores in entries.items():
        pipeline.zadd(key, scores)


def _score(now: int, priority: int) -> int:
    """Return the time, in milliseconds, by which arq sorts: the more urgent, the longer ago."""
    return now - (priority + 100) * (PRIORITY_STEP // timedelta(milliseconds=1))


def waiting_by_queue(settings: ArqOptions, queues: Iterable[str]) -> dict[str, int]:
    """Return how many messages wait, by queue.

    arq leaves a message in its queue while it runs; those among the first `LOOK` are not counted.
    """
    connected = client(settings.BROKER_URL, settings.BROKER_TIMEOUT)
    names = list(queues)
    with connected.pipeline(transaction=False) as pipeline:
        for name in names:
            pipeline.zcard(queue_key(settings.PREFIX, name))
        for name in names:
            pipeline.zrange(queue_key(settings.PREFIX, name), 0, LOOK - 1)
        answers = pipeline.execute()
    lengths, heads = answers[: len(names)], answers[len(names) :]
    locks = [in_progress_key_prefix.encode() + arq_id for head in heads for arq_id in head]
    found: Any = connected.mget(locks) if locks else []
    running = iter(found)
    return {
        name: length - sum(next(running) is not None for _ in head)
        for name, length, head in zip(names, lengths, heads, strict=True)
    }


# --- connections ---


@cache
def client(url: str, timeout: float) -> redis.Redis:
    """Return this process's client for sync code; its connections are shared by all threads."""
    return redis.Redis.from_url(
        url, socket_timeout=timeout, socket_connect_timeout=timeout, retry=Retry(NoBackoff(), 0)
    )


def async_client(url: str, timeout: float) -> ArqRedis:
    """Return a new client for the running event loop; who asks for it disconnects its pool."""
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=MOST_CONNECTIONS,
        timeout=timeout,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        retry=AsyncRetry(NoBackoff(), 0),
    )
    return ArqRedis(pool, job_serializer=serialize, job_deserializer=json.loads)


_held: dict[tuple[asyncio.AbstractEventLoop, str, float], AsyncIterator[ArqRedis]] = {}


async def _client_of_loop(url: str, timeout: float) -> ArqRedis:
    """Return the running loop's client; it is disconnected when the loop ends."""
    key = (asyncio.get_running_loop(), url, timeout)
    if key not in _held:
        _held[key] = _hold(key)
    return await anext(_held[key])


async def _hold(key: tuple[asyncio.AbstractEventLoop, str, float]) -> AsyncIterator[ArqRedis]:
    """Yield one client again and again. A loop that ends closes its generators: nobody else would tell us."""
    connected = async_client(*key[1:])
    try:
        while True:
            yield connected
    finally:
        del _held[key]
        await connected.connection_pool.disconnect()

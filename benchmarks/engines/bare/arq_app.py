"""arq by itself."""

import asyncio
import sys

from arq import create_pool
from arq.connections import ArqRedis, RedisSettings

from benchmarks.engines import effects
from benchmarks.engines.combinations import broker_url, measured_here

_combination = measured_here()
_redis = RedisSettings.from_dsn(broker_url())
_loop = asyncio.new_event_loop()
_pools: list[ArqRedis] = []

QUIET = {"version": 1, "disable_existing_loggers": True}

WORKERS = [
    [sys.executable, "-m", "arq", f"{__name__}.WorkerSettings", "--custom-log-dict", f"{__name__}.QUIET"]
] * _combination.processes


async def no_op(_context):
    """Leave a line."""
    effects.leave_line()


class WorkerSettings:
    """As recommended, but with a shorter `poll_delay`: with arq's 0.5 s one would measure little else."""

    functions = [no_op]  # noqa: RUF012 - arq wants it so
    redis_settings = _redis
    max_jobs = _combination.slots
    keep_result = 0
    poll_delay = 0.01


def one_by_one(count: int) -> None:
    """Enqueue no-ops."""

    async def enqueue_each() -> None:
        pool = await _pool()
        for _ in range(count):
            await pool.enqueue_job("no_op")

    _loop.run_until_complete(enqueue_each())


def in_bulk(count: int) -> None:
    """Enqueue no-ops side by side, as many at once as is still faster than fewer."""

    async def enqueue_all() -> None:
        pool = await _pool()
        for start in range(0, count, AT_ONCE):
            number = min(AT_ONCE, count - start)
            await asyncio.gather(*(pool.enqueue_job("no_op") for _ in range(number)))

    _loop.run_until_complete(enqueue_all())


AT_ONCE = 50


async def _pool() -> ArqRedis:
    if not _pools:
        _pools.append(await create_pool(_redis))
    return _pools[0]


def settle() -> None:
    """Nothing is recorded."""

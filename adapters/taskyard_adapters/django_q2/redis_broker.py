"""Messages in Redis lists, as django-q2's Redis broker has them: RPUSH at one end, BLPOP at the other.

A list for each queue and each of ten levels of priority; BLPOP asks for the most urgent first. A popped
message is gone from Redis: where its worker dies before the claim, the dispatcher sends it again.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from taskyard.engines import PRIORITY_LEVELS, engine_library, priority_level

from .keys import list_key
from .package import Package, pack

if TYPE_CHECKING:
    from taskyard.delivery import Delivery

LONGEST_BLOCK = 1.0
"""Seconds that a fetch waits for a message."""


@cache
def _client(url: str, timeout: float) -> Any:
    """Return this process's client of a server, for all threads, which tries once and no longer than told."""
    redis = engine_library("redis", "django-q2-redis")
    retry = engine_library("redis.retry", "django-q2-redis")
    backoff = engine_library("redis.backoff", "django-q2-redis")
    return redis.Redis.from_url(
        url,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        retry=retry.Retry(backoff.NoBackoff(), 0),
    )


class RedisBroker:
    """One backend's messages on a Redis server.

    Args:
        start: what the lists' names start with.
        url: where the server is.
        timeout: seconds after which a server that does not answer counts as out of reach.
    """

    waits = True
    """Whether `dequeue` waits for messages; where it does not, the worker polls."""

    def __init__(self, start: str, url: str, timeout: float) -> None:
        self._start = start
        self._redis = _client(url, timeout)
        self._block = min(LONGEST_BLOCK, timeout / 2)
        self._turn = 0

    def enqueue(self, batch: Sequence["Delivery"]) -> None:
        """Append each job's message to its list, all in one round trip."""
        lists: defaultdict[str, list[str]] = defaultdict(list)
        for each in batch:
            lists[list_key(self._start, priority_level(each.priority), each.queue)].append(pack(each))
        with self._redis.pipeline(transaction=False) as pipeline:
            for name, payloads in lists.items():
                pipeline.rpush(name, *payloads)
            pipeline.execute()

    def dequeue(self, queues: Sequence[str], limit: int) -> list[Package]:
        """Wait for the most urgent message of these queues, which take turns at being asked first."""
        if not queues:
            return []
        self._turn = (self._turn + 1) % len(queues)
        in_turn = [*queues[self._turn :], *queues[: self._turn]]
        levels = reversed(range(PRIORITY_LEVELS))
        names = [list_key(self._start, level, queue) for level in levels for queue in in_turn]
        found = self._redis.blpop(names, self._block)
        if found is None:
            return []
        name, payload = found
        return [Package(payload.decode(errors="replace"), name)]

    def acknowledge(self, packages: Iterable[Package]) -> None:
        """Do nothing: a popped message is gone."""

    def put_back(self, packages: Iterable[Package]) -> None:
        """Put messages back to where they were popped from."""
        for package in packages:
            self._redis.lpush(package.place, package.payload)

    def queue_sizes(self, queues: Iterable[str]) -> dict[str, int]:
        """Return how many messages wait, by queue."""
        names = list(queues)
        with self._redis.pipeline(transaction=False) as pipeline:
            for name in names:
                for level in range(PRIORITY_LEVELS):
                    pipeline.llen(list_key(self._start, level, name))
            lengths = iter(pipeline.execute())
        return {name: sum(next(lengths) for _ in range(PRIORITY_LEVELS)) for name in names}

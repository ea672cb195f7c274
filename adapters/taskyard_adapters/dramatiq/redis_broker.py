"""Dramatiq's broker on Redis, with ten levels of priority: one Redis list a level, the most urgent first."""

import time
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, cast

import redis
from dramatiq import Message
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import CurrentMessage
from redis.backoff import NoBackoff
from redis.retry import Retry

from taskyard.engines import PRIORITY_LEVELS
from taskyard_workers.outage import Outage

from .fetching import Fetched, FetchingConsumer, Slots
from .messages import write
from .options import DramatiqOptions

DEAD_AFTER = 60.0
"""Seconds of silence after which Dramatiq gives a worker's messages back; the jobs' own rescue is quicker."""

LEVELS = range(PRIORITY_LEVELS - 1, -1, -1)
"""The most urgent first."""


def namespace(settings: DramatiqOptions) -> str:
    """Return what all keys start with."""
    return f"{settings.PREFIX}:dramatiq"


def level_name(queue: str, level: int) -> str:
    """Return the name of the queue of one level; Dramatiq's Redis broker takes it for any other queue."""
    return f"{queue}.p{level}"


@cache
def client(url: str, timeout: float) -> redis.Redis:
    """Return this process's client; its connections are shared by all threads."""
    return redis.Redis.from_url(
        url, socket_timeout=timeout, socket_connect_timeout=timeout, retry=Retry(NoBackoff(), 0)
    )


def publish(settings: DramatiqOptions, messages: Sequence[Message[None]]) -> None:
    """Write messages in one round trip, as Dramatiq's script for one of them does."""
    keys = namespace(settings)
    with client(settings.BROKER_URL, settings.BROKER_TIMEOUT).pipeline(transaction=False) as pipeline:
        for message in messages:
            key = f"{keys}:{level_name(message.queue_name, message.options['broker_priority'])}"
            pipeline.hset(f"{key}.msgs", message.options["redis_message_id"], cast(str, write(message)))
            pipeline.rpush(key, message.options["redis_message_id"])
        pipeline.execute()


def waiting(settings: DramatiqOptions, queues: Iterable[str]) -> list[int]:
    """Return how many messages wait in each queue."""
    keys = namespace(settings)
    names = list(queues)
    with client(settings.BROKER_URL, settings.BROKER_TIMEOUT).pipeline(transaction=False) as pipeline:
        for name in names:
            for level in LEVELS:
                pipeline.llen(f"{keys}:{level_name(name, level)}")
        lengths = pipeline.execute()
    return [sum(lengths[at : at + PRIORITY_LEVELS]) for at in range(0, len(lengths), PRIORITY_LEVELS)]


class LevelsBroker(RedisBroker):
    """Knows queues without delays, whose messages lie in one list a level."""

    def __init__(self, settings: DramatiqOptions, slots: Slots, outage: Outage) -> None:
        super().__init__(  # type: ignore[no-untyped-call]
            client=client(settings.BROKER_URL, settings.BROKER_TIMEOUT),
            namespace=namespace(settings),
            heartbeat_timeout=int(DEAD_AFTER * 1000),
            middleware=[CurrentMessage()],
        )
        self._slots = slots
        self._outage = outage

    def declare_queue(self, queue_name: str) -> None:
        """Declare a queue; it gets no second one for delays, which the database keeps."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues.add(queue_name)
            self.emit_after("declare_queue", queue_name)

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> "LevelsConsumer":
        """Return what fetches a queue's messages; it never has more than it may run."""
        return LevelsConsumer(self, queue_name, self._slots, self._outage)


class LevelsConsumer(FetchingConsumer):
    """Fetches from the most urgent list that is not empty."""

    def __init__(self, broker: LevelsBroker, queue: str, slots: Slots, outage: Outage) -> None:
        super().__init__(queue, slots, outage, faults=(redis.RedisError, OSError))
        self._broker: Any = broker  # its commands are made as they are called
        self._keys = [f"{broker.namespace}:{level_name(queue, level)}" for level in LEVELS]
        self._beat_at = 0.0

    def _fetch(self) -> tuple[bytes, str] | None:
        with self._broker.client.pipeline(transaction=False) as pipeline:
            for key in self._keys:
                pipeline.llen(key)
            lengths = pipeline.execute()
        for level, length in zip(LEVELS, lengths, strict=True):
            name = level_name(self._queue, level)
            for data in self._broker.do_fetch(name, 1) if length else []:
                if data is not None:  # else the list knew of it, and its text is gone
                    return data, name
        return None

    def _acknowledge(self, message: Fetched) -> None:
        self._broker.do_ack(message.origin, message.options.get("redis_message_id", ""))

    def _put_back(self, message: Fetched) -> None:
        self._broker.do_requeue(message.origin, message.options.get("redis_message_id", ""))

    def _discard(self, origin: str) -> None:
        """Leave it: without its id it cannot be removed. It is in nobody's way, having left its queue."""

    def _rest(self, seconds: float) -> None:
        self._beat()
        time.sleep(seconds)

    def _wait_for_slot(self, seconds: float) -> None:
        self._beat()
        self._slots.wait(seconds)

    def _beat(self) -> None:
        if time.monotonic() >= self._beat_at:
            self._beat_at = time.monotonic() + DEAD_AFTER / 4
            self._broker.do_qsize(self._queue)  # any command is a sign of life

    def _disconnect(self) -> None:
        """Redis' client does so by itself."""

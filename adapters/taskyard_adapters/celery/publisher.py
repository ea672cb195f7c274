"""Publishing to the broker and counting what waits in it, over connections that are kept."""

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext, suppress
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from amqp.exceptions import NotFound  # type: ignore[import-untyped]
from kombu import Producer  # type: ignore[import-untyped]
from kombu.exceptions import ChannelError  # type: ignore[import-untyped]

from taskyard.message import encode

from .app import TASK, app_of
from .connection import broker_priority, declared_queue, open_connection
from .options import CeleryOptions

if TYPE_CHECKING:
    from taskyard.delivery import Delivery

T = TypeVar("T")

PERSISTENT = 2
"""Messages outlive the broker's process."""

MOST_IDLE = 10
"""Connections that are kept for the next to need one."""


def publish(settings: CeleryOptions, batch: Sequence["Delivery"]) -> None:
    """Publish a batch."""
    _on_a_link(settings, lambda link: link.publish(batch))


def waiting_by_queue(settings: CeleryOptions, queues: Iterable[str]) -> dict[str, int]:
    """Return how many messages wait, by queue."""
    names = list(queues)
    return _on_a_link(settings, lambda link: {name: link.depth(name) for name in names})


class Link:
    """A connection to the broker, used by one thread at a time."""

    def __init__(self, settings: CeleryOptions) -> None:
        self._settings = settings
        self._app = app_of(settings)
        self._connection = open_connection(self._app, settings)
        self._driver: str = self._connection.transport.driver_type
        self._producer = Producer(self._connection.default_channel, auto_declare=False)
        self._queues: dict[str, Any] = {}
        self._asking: Any = None

    def publish(self, batch: Sequence["Delivery"]) -> None:
        """Publish a batch; together where kombu can (5.7 on Redis), else one by one."""
        for delivery in batch:
            self._declare(delivery.queue)
        together = getattr(self._producer, "batch", nullcontext)
        with together():
            for delivery in batch:
                self._publish(delivery)

    def _declare(self, queue: str) -> None:
        if queue not in self._queues:
            declared = declared_queue(self._settings, queue)
            declared(self._connection.default_channel).declare()
            self._queues[queue] = declared

    def _publish(self, delivery: "Delivery") -> None:
        job_id = str(delivery.job_id)
        message = self._app.amqp.as_task_v2(
            job_id,
            TASK,
            args=[encode(delivery.job_id)],
            shadow=delivery.task,
            ignore_result=True,
            argsrepr=job_id,
            kwargsrepr="{}",
        )
        self._app.amqp.send_task_message(
            self._producer,
            TASK,
            message,
            queue=self._queues[delivery.queue],
            priority=broker_priority(self._driver, delivery.priority),
            serializer="json",
            delivery_mode=PERSISTENT,
            declare=[],
            retry=False,
        )

    def depth(self, queue: str) -> int:
        """Return how many messages wait in a queue; 0 where there is no such queue."""
        if self._asking is None:
            self._asking = self._channel_to_ask_on()
        try:
            asked = declared_queue(self._settings, queue)(self._asking).queue_declare(passive=True)
        except (NotFound, ChannelError):
            self._asking = None  # RabbitMQ closes a channel over a queue that it does not know
            return 0
        return int(asked.message_count)

    def _channel_to_ask_on(self) -> Any:
        return self._connection.channel() if self._driver == "amqp" else self._connection.default_channel

    def drop(self) -> None:
        """Give the connection up without a word to the broker, which may not answer."""
        with suppress(Exception):
            self._connection.collect(socket_timeout=self._settings.BROKER_TIMEOUT)


@cache
def _idle_links(settings: CeleryOptions, _process: int) -> deque[Link]:
    """Return the links that nobody uses now. A forked child has its own: its parent's sockets are not its."""
    return deque()


def _on_a_link(settings: CeleryOptions, act: Callable[[Link], T]) -> T:
    """Act on a link; on a new one where a kept one turns out to be dead.

    A broker that has just let us wait for its answer is not asked again.
    """
    idle = _idle_links(settings, os.getpid())
    with suppress(IndexError):
        kept = idle.pop()
        begun = time.monotonic()
        try:
            return _act(kept, act, idle)
        except Exception:
            if time.monotonic() - begun > settings.BROKER_TIMEOUT / 2:
                raise
    return _act(Link(settings), act, idle)


def _act(link: Link, act: Callable[[Link], T], idle: deque[Link]) -> T:
    try:
        result = act(link)
    except BaseException:
        link.drop()
        raise
    if len(idle) < MOST_IDLE:
        idle.append(link)
    else:
        link.drop()
    return result

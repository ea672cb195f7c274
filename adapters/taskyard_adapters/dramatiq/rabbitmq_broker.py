"""Dramatiq's broker on RabbitMQ: queues with ten levels of priority, fetched from one message at a time."""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from threading import Event
from typing import Any

import pika  # type: ignore[import-untyped]
from dramatiq import Message
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.errors import ConnectionClosed
from dramatiq.middleware import CurrentMessage
from pika.adapters.utils.connection_workflow import AMQPConnectorException  # type: ignore[import-untyped]
from pika.exceptions import AMQPError, ConnectionWrongStateError  # type: ignore[import-untyped]

from taskyard.engines import PRIORITY_LEVELS
from taskyard_workers.outage import Outage

from .fetching import FIRST_POLL, Fetched, FetchingConsumer, Slots
from .messages import write
from .options import DramatiqOptions

HEARTBEAT = 30
"""Seconds of silence after which either side takes the connection for dead."""

KEEPALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 15_000}
"""As pika calls them; what the system has not, it leaves aside. A heartbeat is only missed after twice its
time."""

FAULTS = (AMQPError, AMQPConnectorException, ConnectionClosed, OSError)
"""What a broker out of reach raises."""

PERSISTENT = 2
"""RabbitMQ's word for a message that is written to disk."""


def connection_parameters(settings: DramatiqOptions) -> Any:
    """Return how to connect, once and not for long."""
    parameters = pika.URLParameters(settings.BROKER_URL)
    parameters.virtual_host = parameters.virtual_host or "/"  # "//" is how other libraries write it
    parameters.connection_attempts = 1
    parameters.retry_delay = 0
    parameters.heartbeat = HEARTBEAT
    parameters.tcp_options = KEEPALIVE
    for limit in ("socket_timeout", "stack_timeout", "blocked_connection_timeout"):
        setattr(parameters, limit, settings.BROKER_TIMEOUT)
    return parameters


def _quieten_pika() -> None:
    """Let pika raise its faults and not also log each a dozen times, where the site does not wish it to."""
    logger = logging.getLogger("pika")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.CRITICAL)


class PriorityBroker(RabbitmqBroker):
    """Knows queues without delays; each thread that uses it has a connection of its own."""

    def __init__(self, settings: DramatiqOptions) -> None:
        super().__init__(url=settings.BROKER_URL, max_priority=PRIORITY_LEVELS, middleware=[CurrentMessage()])
        self.parameters = connection_parameters(settings)
        _quieten_pika()

    def declare_queue(self, queue_name: str, *, ensure: bool = False) -> None:
        """Declare a queue; nobody listens to its second one for delays, which the database keeps."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues.add(queue_name)
            self.queues_pending.add(queue_name)
            self.emit_after("declare_queue", queue_name)
        super().declare_queue(queue_name, ensure=ensure)

    def publish(self, messages: Sequence[Message[None]]) -> None:
        """Send messages, and return once RabbitMQ has read them all."""
        for name in {message.queue_name for message in messages}:
            self.declare_queue(name, ensure=True)
        channel = self.channel
        for message in messages:
            level = message.options["broker_priority"]
            properties = pika.BasicProperties(delivery_mode=PERSISTENT, priority=level)
            channel.basic_publish("", message.queue_name, write(message), properties)
        channel.basic_qos(prefetch_count=0)  # answers come in order: this one says that all the above came

    def waiting(self, queues: Iterable[str]) -> list[int]:
        """Return how many messages wait in each queue."""
        return [self.get_queue_message_counts(name)[0] for name in queues]


class WorkersBroker(PriorityBroker):
    """What Dramatiq's worker uses."""

    def __init__(self, settings: DramatiqOptions, slots: Slots, outage: Outage) -> None:
        super().__init__(settings)
        self._slots = slots
        self._outage = outage

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> "PullingConsumer":
        """Return what fetches a queue's messages; it never has more than it may run."""
        return PullingConsumer(self, queue_name, self._slots, self._outage)


class PullingConsumer(FetchingConsumer):
    """Asks for one message at a time, on the connection of Dramatiq's thread for the queue.

    Threads that end jobs leave their acknowledgements to that thread: pika allows it no other way.
    """

    def __init__(self, broker: WorkersBroker, queue: str, slots: Slots, outage: Outage) -> None:
        super().__init__(queue, slots, outage, FAULTS)
        self._broker = broker
        self._connection: Any = None

    def _fetch(self) -> tuple[bytes, tuple[Any, Any, int]] | None:
        if self._connection is None:
            self._broker.queues_pending.add(self._queue)  # a broker that was away may have lost it
            self._broker.declare_queue(self._queue, ensure=True)
            self._connection = self._broker.connection
        channel = self._broker.channel
        method, _properties, body = channel.basic_get(self._queue)
        return None if method is None else (body, (self._connection, channel, method.delivery_tag))

    def _acknowledge(self, message: Fetched) -> None:
        connection, channel, tag = message.origin
        self._later(connection, partial(channel.basic_ack, tag))

    def _put_back(self, message: Fetched) -> None:
        connection, channel, tag = message.origin
        self._later(connection, partial(channel.basic_nack, tag, requeue=True))

    def _discard(self, origin: tuple[Any, Any, int]) -> None:
        _connection, channel, tag = origin
        channel.basic_ack(tag)

    @staticmethod
    def _later(connection: Any, call: Callable[[], object]) -> None:
        with suppress(ConnectionWrongStateError):  # it is closed, and RabbitMQ has taken the message back
            connection.add_callback_threadsafe(call)

    def _rest(self, seconds: float) -> None:
        if self._connection is None:
            time.sleep(seconds)
        else:
            # Ends early where a slot was given back: its message's acknowledgement is to be sent.
            self._connection.process_data_events(time_limit=seconds)

    def _disconnect(self) -> None:
        self._connection = None
        del self._broker.connection

    def close(self) -> None:
        """Send what threads have left to be sent, and disconnect."""
        if self._connection is None:
            return
        all_sent = Event()
        with suppress(*FAULTS):
            self._connection.add_callback_threadsafe(all_sent.set)
            while not all_sent.is_set():
                self._connection.process_data_events(time_limit=FIRST_POLL)
            self._connection.close()

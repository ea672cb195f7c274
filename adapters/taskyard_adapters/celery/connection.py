"""Connections to the broker that never block without bound, and the names of what is in it."""

import socket
from typing import Any

from celery import Celery  # type: ignore[import-untyped]
from kombu import Connection, Exchange, Queue  # type: ignore[import-untyped]

from taskyard.engines import PRIORITY_LEVELS, priority_level

from .options import CeleryOptions

VISIBILITY_TIMEOUT = 24 * 3600
"""Seconds after which Redis hands out a message again that a worker took and never acknowledged.

The jobs of dead workers come back by their heartbeats and lost messages on evidence, long before. A shorter
time would only deliver long jobs twice, while they run."""

KEEPALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 15_000}
"""How a connection that waits for Redis to say something notices that Redis is not there any more, where
nothing says so; by itself it would wait for hours. Each where the system has it."""

LONGEST_PRIORITY = 10
"""The x-max-priority of queues in RabbitMQ."""


def queue_name(settings: CeleryOptions, queue: str) -> str:
    """Return what a queue is called in the broker."""
    return f"{settings.PREFIX}.{queue}"


def declared_queue(settings: CeleryOptions, queue: str) -> Queue:
    """Return a queue as it is declared in the broker, on the default exchange: there is nothing to bind.

    RabbitMQ is told its type, for a node may make others quorum queues, which take no such priorities.
    """
    name = queue_name(settings, queue)
    return Queue(
        name,
        Exchange(""),
        routing_key=name,
        durable=True,
        max_priority=LONGEST_PRIORITY,
        queue_arguments={"x-queue-type": "classic"},
    )


def broker_priority(driver: str, priority: int) -> int:
    """Return one of Django's priorities as the broker's own: on Redis 0 is the most urgent, elsewhere 9."""
    level = priority_level(priority)
    return PRIORITY_LEVELS - 1 - level if driver == "redis" else level


def open_connection(
    app: Celery, settings: CeleryOptions, *, reading: bool = False, heartbeat: float = 0
) -> Connection:
    """Connect to an app's broker, trying each of its addresses once.

    Raises:
        kombu.exceptions.OperationalError: within BROKER_TIMEOUT for each address, where none answers.
    """
    connect = app.connection_for_read if reading else app.connection_for_write
    connection = connect(heartbeat=heartbeat, connect_timeout=settings.BROKER_TIMEOUT)
    driver = connection.transport.driver_type
    connection.transport_options.update(_transport_options(settings, driver))
    connection.ensure_connection(max_retries=max(len(connection.alt) - 1, 0), interval_start=0)
    if driver == "amqp":
        # Its own read_timeout is no limit: the library goes on reading.
        connection.connection.sock.settimeout(settings.BROKER_TIMEOUT)
    return connection


def _transport_options(settings: CeleryOptions, driver: str) -> dict[str, Any]:
    if driver != "redis":
        return {"max_retries": 0}
    return {
        "max_retries": 0,
        "socket_timeout": settings.BROKER_TIMEOUT,
        "socket_connect_timeout": settings.BROKER_TIMEOUT,
        "socket_keepalive": True,
        "socket_keepalive_options": {
            getattr(socket, name): value for name, value in KEEPALIVE.items() if hasattr(socket, name)
        },
        "priority_steps": list(range(PRIORITY_LEVELS)),
        "visibility_timeout": VISIBILITY_TIMEOUT,
        **{
            f"{name}_key": f"{settings.PREFIX}.{name}"
            for name in ("unacked", "unacked_index", "unacked_mutex")
        },
    }

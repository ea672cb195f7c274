"""A broker that goes away without a word."""

import socket

import pytest

from taskyard_adapters.celery.connection import KEEPALIVE


@pytest.fixture
def broker():
    """The one of which Celery only listens; RabbitMQ has heartbeats."""
    return "redis"


def test_a_connection_that_listens_notices_silence(connection):
    used = connection.default_channel.client.connection_pool.get_connection()
    try:
        found = {name: used._sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in KEEPALIVE}
    finally:
        used.disconnect()

    assert found == KEEPALIVE

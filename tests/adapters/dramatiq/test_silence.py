"""A RabbitMQ that goes away without a word."""

import socket

import pika

from taskyard_adapters.dramatiq.rabbitmq_broker import KEEPALIVE, connection_parameters

BACKEND = "taskyard_adapters.dramatiq.DramatiqBackend"


def test_a_connection_notices_silence(make_engine):
    engine = make_engine(BACKEND, broker="rabbitmq")
    connection = pika.BlockingConnection(connection_parameters(engine.backend.settings))
    try:
        used = connection._impl._transport._sock
        found = {name: used.getsockopt(socket.SOL_TCP, getattr(socket, name)) for name in KEEPALIVE}
    finally:
        connection.close()

    assert found == KEEPALIVE

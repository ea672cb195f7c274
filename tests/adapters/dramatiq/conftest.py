"""A backend on Dramatiq, with Redis and with RabbitMQ, and what a test puts into its broker behind its back."""

import json
from uuid import uuid4

import pika
import pytest
import redis

from taskyard_adapters.dramatiq.rabbitmq_broker import connection_parameters

pytest.register_assert_rewrite("tests.adapters.scenarios")


@pytest.fixture(params=["redis", "rabbitmq"])
def engine(request, make_engine):
    return make_engine("taskyard_adapters.dramatiq.DramatiqBackend", broker=request.param)


@pytest.fixture
def put():
    """Put bytes into the default queue: `put(engine, b"…")`."""

    def put_bytes(engine, data):
        settings = engine.backend.settings
        queue = f"{settings.PREFIX}_default"
        if settings.is_rabbitmq:
            engine.backend.queue_depths()  # declares the queues
            with pika.BlockingConnection(connection_parameters(settings)) as connection:
                connection.channel().basic_publish("", queue, data)
            return
        with redis.Redis.from_url(settings.BROKER_URL) as client:
            key, name = f"{settings.PREFIX}:dramatiq:{queue}.p5", str(uuid4())
            client.hset(f"{key}.msgs", name, data)
            client.rpush(key, name)

    return put_bytes


@pytest.fixture
def put_message(put):
    def put_payload(engine, payload, actor="taskyard_run"):
        message = {
            **{"queue_name": "whatever", "actor_name": actor, "args": [payload], "kwargs": {}},
            **{"options": {}, "message_id": "x", "message_timestamp": 1},
        }
        put(engine, json.dumps(message).encode())

    return put_payload


@pytest.fixture
def put_garbage(put, put_message):
    def put_all_sorts(engine):
        put(engine, b"\x80\x04 no JSON")
        put(engine, b'{"queue_name": "half a message"}')
        put(engine, b"[1, 2]")
        put_message(engine, {}, actor="no_such_actor")

    return put_all_sorts

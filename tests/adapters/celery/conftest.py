"""A backend on Celery over each of its brokers, and what a test puts into them behind its back."""

from uuid import uuid4

import pytest

from taskyard_adapters.celery.app import app_of
from taskyard_adapters.celery.connection import declared_queue, open_connection
from tests.support.processes import environment

pytest.register_assert_rewrite("tests.adapters.scenarios")

BACKEND = "taskyard_adapters.celery.CeleryBackend"


@pytest.fixture(params=["redis", "rabbitmq"])
def broker(request):
    """The kind of broker: every test runs on both."""
    return request.param


@pytest.fixture
def engine(make_engine, broker):
    return make_engine(BACKEND, broker=broker)


@pytest.fixture
def change(add_backend, tmp_path):
    """Change what TASKS says of the backend: `change(engine, QUEUES=[], OPTIONS={…})`."""

    def change_backend(engine, **parameters):
        add_backend(engine.alias, {"BACKEND": BACKEND, **parameters})
        engine.environment = environment(tmp_path)

    return change_backend


def queue_of(engine, queue="default"):
    return f"{engine.backend.settings.PREFIX}.{queue}"


@pytest.fixture
def connection(engine):
    """A connection to the backend's broker."""
    settings = engine.backend.settings
    with open_connection(app_of(settings), settings) as connected:
        yield connected


@pytest.fixture
def put(connection):
    """Publish anything into the default queue: `put(engine, body, **properties)`."""

    def publish(engine, body, **properties):
        queue = declared_queue(engine.backend.settings, "default")
        connection.Producer().publish(body, routing_key=queue.name, declare=[queue], **properties)

    return publish


def headers(task):
    return {"lang": "py", "task": task, "id": str(uuid4()), "argsrepr": "", "kwargsrepr": ""}


@pytest.fixture
def put_message(put):
    return lambda engine, payload: put(
        engine, [[payload], {}, {}], serializer="json", headers=headers("taskyard.run")
    )


@pytest.fixture
def put_garbage(put, connection):
    def put_all_sorts(engine):
        put(engine, b"\x80\x04 no JSON", content_type="application/x-python-serialize")
        put(engine, b"\x80\x04 no JSON", content_type="application/json", headers=headers("taskyard.run"))
        put(engine, {"no": "task"}, serializer="json")
        put(engine, [[], {}, {}], serializer="json", headers=headers("no.such.task"))
        put(engine, [[1, 2, 3], {}, {}], serializer="json", headers=headers("taskyard.run"))
        put(engine, "neither", serializer="json", headers=headers("taskyard.run"))
        if connection.transport.driver_type == "redis":
            connection.default_channel.client.lpush(queue_of(engine), b"no message of Celery's", b"{}")

    return put_all_sorts

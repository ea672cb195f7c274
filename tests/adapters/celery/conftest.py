"""A backend on Celery over each of its brokers, and what a test puts into them behind its back."""

from contextlib import contextmanager
from uuid import uuid4

import pytest
from celery import Celery

from taskyard_adapters.celery.app import app_of
from taskyard_adapters.celery.connection import declared_queue, open_connection
from tests.support.processes import environment
from tests.support.servers import wait_until

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


@pytest.fixture
def tool(engine):
    """Celery as Flower and other tools use it: they know the broker, and nothing of us."""
    with Celery(broker=engine.backend.settings.BROKER_URL, set_as_current=False, fixups=[]) as app:
        yield app


@contextmanager
def events_of(tool):
    """What a tool is told by a worker that runs: the events so far, and `wait_for(condition, what)`."""
    events = []
    with tool.connection_for_read() as listening:
        receiver = tool.events.Receiver(listening, handlers={"*": events.append})
        consuming = receiver.itercapture(limit=None, timeout=20, wakeup=False)

        def wait_for(condition, what, *deadline):
            wait_until(lambda: next(consuming, None) or condition(), what, *deadline)

        wait_for(lambda: events, "the worker gives signs of life")
        yield events, wait_for


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

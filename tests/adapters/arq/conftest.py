"""A backend on arq, and what a test puts into its Redis behind its back."""

import json
from uuid import uuid4

import pytest
import redis

pytest.register_assert_rewrite("tests.adapters.scenarios")


@pytest.fixture
def engine(make_engine):
    return make_engine("taskyard_adapters.arq.ArqBackend", broker="redis")


@pytest.fixture
def client(engine):
    with redis.Redis.from_url(engine.backend.settings.BROKER_URL) as connected:
        yield connected


@pytest.fixture
def put(engine, client):
    """Write a job of arq's as bytes: `put(b"…")`."""

    def put_job(job):
        prefix = engine.backend.settings.PREFIX
        arq_id = f"{prefix}:{uuid4()}"
        client.set(f"arq:job:{arq_id}", job)
        client.zadd(f"{prefix}:arq:default", {arq_id: 1})

    return put_job


@pytest.fixture
def put_message(put):
    return lambda engine, payload: put(
        json.dumps({"t": None, "f": "taskyard.run", "a": [payload], "k": {}, "et": 1})
    )


@pytest.fixture
def put_garbage(put):
    def put_all_sorts(engine):
        put(b"\x80\x04 no JSON")
        put(json.dumps({"t": None, "f": "no.such.function", "a": [], "k": {}, "et": 1}))
        put(json.dumps({"t": None, "f": "taskyard.run", "a": [1, 2, 3], "k": {}, "et": 1}))

    return put_all_sorts

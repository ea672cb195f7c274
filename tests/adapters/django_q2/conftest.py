"""A backend on Django-Q2 over each of its brokers, and what a test puts into them behind its back."""

import os

import pytest
import redis

pytest.register_assert_rewrite("tests.adapters.scenarios")

BACKEND = "taskyard_adapters.django_q2.DjangoQ2Backend"


# What Redis carries is the same whatever database has the jobs; like the other engines it is seen on SQLite.
ON_SQLITE = os.environ.get("TASKYARD_TEST_DATABASE", "sqlite:").startswith("sqlite:")


@pytest.fixture(params=["orm", "redis"] if ON_SQLITE else ["orm"])
def broker(request):
    """The kind of broker: a test that does not choose runs on both."""
    return request.param


@pytest.fixture
def engine(make_engine, broker):
    return make_engine(BACKEND, broker=None if broker == "orm" else broker, BROKER=broker)


@pytest.fixture
def put():
    """Write what is no package of ours into the default queue: `put(engine, payload)`."""

    def put_payload(engine, payload):
        from django_q.models import OrmQ

        from taskyard_adapters.django_q2.keys import list_key, row_key

        settings, start = engine.backend.settings, engine.backend.key_start
        if settings.BROKER == "orm":
            OrmQ.objects.create(key=row_key(start, 0, "default"), payload=payload, lock=None)
        else:
            with redis.Redis.from_url(settings.BROKER_URL) as client:
                client.rpush(list_key(start, 4, "default"), payload)

    return put_payload


def signed(package):
    from django_q.signing import SignedPackage

    return SignedPackage.dumps(package)


@pytest.fixture
def put_message(put):
    return lambda engine, message: put(
        engine, signed({"id": "x", "name": "x", "func": "x", "args": (message,), "kwargs": {}})
    )


@pytest.fixture
def put_garbage(put):
    def put_all_sorts(engine):
        put(engine, "no package")
        put(engine, signed({"by": "another site"})[:-3] + "xxx")
        put(engine, signed(["no", "package"]))
        put(engine, signed({"no": "arguments"}))
        put(engine, signed({"args": (1, 2, 3)}))
        if engine.backend.settings.BROKER == "redis":
            put(engine, b"\xff\xfe no text")

    return put_all_sorts

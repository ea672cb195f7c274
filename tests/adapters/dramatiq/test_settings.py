"""OPTIONS, system checks and missing libraries: said in words."""

import sys

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from taskyard.backend import WorkerOptions
from taskyard.compat import InvalidTaskBackend, task_backends
from taskyard_adapters.dramatiq.checks import check_libraries

REDIS = "redis://localhost:1/0"
RABBITMQ = "amqp://localhost:1/"


def configured(**options):
    parameters = {"BACKEND": "taskyard_adapters.dramatiq.DramatiqBackend", "OPTIONS": options}
    return override_settings(TASKS={"mine": parameters})


def backend_with(**options):
    with configured(**options):
        return task_backends["mine"]


@pytest.mark.parametrize(
    "options",
    [
        {"BROKER_URL": ""},
        {"BROKER_URL": "kafka://localhost"},
        {"BROKER_URL": "amqp://localhost:port"},
        {"BROKER_URL": None},
        {"BROKER_URL": REDIS, "PREFIX": "a b"},
        {"BROKER_URL": REDIS, "BROKER_TIMEOUT": 0},
        {"BROKER_URL": REDIS, "PREFETCH": 5},
    ],
    ids=str,
)
def test_wrong_options_are_refused_by_name(options):
    with pytest.raises(InvalidTaskBackend, match=list(options)[-1]) as caught:
        backend_with(**options)

    assert "TASKS['mine']['OPTIONS']" in str(caught.value)


def test_a_password_is_not_repeated():
    with pytest.raises(InvalidTaskBackend) as caught:
        backend_with(BROKER_URL="kafka://me:secret@localhost")

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "is_rabbitmq"),
    [
        (REDIS, False),
        ("rediss://:password@redis.example/3", False),
        ("unix:///run/redis.sock?db=2", False),
        (RABBITMQ, True),
        ("amqps://me:password@rabbit.example/shop", True),
    ],
)
def test_addresses_of_both_brokers_are_taken(url, is_rabbitmq):
    assert backend_with(BROKER_URL=url).settings.is_rabbitmq is is_rabbitmq


@pytest.mark.parametrize(("url", "library"), [(REDIS, "dramatiq"), (REDIS, "redis"), (RABBITMQ, "pika")])
def test_a_missing_library_names_the_extra(monkeypatch, url, library):
    backend = backend_with(BROKER_URL=url)
    monkeypatch.setitem(sys.modules, library, None)

    for use in (
        lambda: backend.deliver([]),
        lambda: backend.start_worker(WorkerOptions()),
        backend.queue_depths,
    ):
        with pytest.raises(InvalidTaskBackend, match=r'pip install "django-taskyard\[dramatiq\]"') as caught:
            use()
        assert repr(library) in str(caught.value)


def test_a_worker_whose_library_is_missing_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "dramatiq", None)

    with configured(BROKER_URL=REDIS), pytest.raises(CommandError, match=r"django-taskyard\[dramatiq\]"):
        call_command("worker", backend="mine")


@pytest.mark.parametrize("url", [REDIS, RABBITMQ])
def test_what_is_installed_here_is_fine(url):
    assert backend_with(BROKER_URL=url).check() == []


def test_the_libraries_are_checked():
    [missing] = check_libraries(None, "pika", "1.4")
    [client] = check_libraries("2.2.1", "pika", None)
    [old] = check_libraries("1.17.0", "redis", "5.3")

    assert [each.id for each in (missing, client, old)] == ["taskyard.E121", "taskyard.E121", "taskyard.W121"]
    assert "'pika'" in client.msg
    assert "django-taskyard[dramatiq]" in client.hint
    assert "1.17.0" in old.msg

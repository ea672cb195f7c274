"""OPTIONS, system checks and the missing library: said in words."""

import sys

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from taskyard.backend import WorkerOptions
from taskyard.compat import InvalidTaskBackend, task_backends
from taskyard_adapters.arq.checks import check_library, installed_version

URL = "redis://localhost:1/0"


def configured(**options):
    parameters = {"BACKEND": "taskyard_adapters.arq.ArqBackend", "OPTIONS": options}
    return override_settings(TASKS={"mine": parameters})


def backend_with(**options):
    with configured(**options):
        return task_backends["mine"]


@pytest.mark.parametrize(
    "options",
    [
        {"BROKER_URL": ""},
        {"BROKER_URL": "amqp://localhost"},
        {"BROKER_URL": "redis://localhost:port"},
        {"BROKER_URL": 6379},
        {"BROKER_URL": URL, "PREFIX": "a b"},
        {"BROKER_URL": URL, "BROKER_TIMEOUT": 0},
        {"BROKER_URL": URL, "MAX_JOBS": 5},
    ],
    ids=str,
)
def test_wrong_options_are_refused_by_name(options):
    with pytest.raises(InvalidTaskBackend, match=list(options)[-1]) as caught:
        backend_with(**options)

    assert "TASKS['mine']['OPTIONS']" in str(caught.value)


def test_a_password_is_not_repeated():
    with pytest.raises(InvalidTaskBackend) as caught:
        backend_with(BROKER_URL="amqp://me:secret@localhost")

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", [URL, "rediss://:password@redis.example/3", "unix:///run/redis.sock?db=2"])
def test_addresses_of_redis_are_taken(url):
    backend = backend_with(BROKER_URL=url)

    assert url == backend.settings.BROKER_URL


def test_a_missing_library_names_the_extra(monkeypatch):
    backend = backend_with(BROKER_URL=URL)
    monkeypatch.setitem(sys.modules, "arq", None)

    for use in (
        lambda: backend.deliver([]),
        lambda: backend.start_worker(WorkerOptions()),
        backend.queue_depths,
    ):
        with pytest.raises(InvalidTaskBackend, match=r'pip install "django-taskyard\[arq\]"'):
            use()


def test_a_worker_whose_library_is_missing_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "arq", None)

    with configured(BROKER_URL=URL), pytest.raises(CommandError, match=r"django-taskyard\[arq\]"):
        call_command("worker", backend="mine")


def test_what_is_installed_here_is_fine():
    assert backend_with(BROKER_URL=URL).check() == []
    assert installed_version() is not None


def test_the_library_is_checked():
    [missing] = check_library(None)
    [old] = check_library("0.25.0")

    assert (missing.id, missing.is_serious()) == ("taskyard.E131", True)
    assert (old.id, old.is_serious()) == ("taskyard.W131", False)
    assert "django-taskyard[arq]" in missing.hint
    assert "0.25.0" in old.msg
    assert check_library("0.28.3") == []

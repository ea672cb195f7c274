"""Brokers are asked behind the pages' back, and what hangs keeps nobody waiting."""

import threading
import time

import pytest

from taskyard_monitoring.snapshot import engines
from tests.example.backends import RecordingBackend
from tests.support import servers
from tests.support.servers import wait_until

ARQ = {
    "BACKEND": "taskyard_adapters.arq.ArqBackend",
    "QUEUES": ["default", "mail"],
}


def shown(alias):
    """Return what is known of an engine now."""
    [found] = [each for each in engines.engines() if each.alias == alias]
    return found


def test_an_engine_without_a_broker():
    found = shown("default")

    assert (found.engine, found.has_broker, found.is_reachable, found.version) == (
        "embedded",
        False,
        True,
        "0.1.0",
    )


def test_an_answer_comes_later():
    RecordingBackend.depths = {"mail": 7}
    assert shown("leased").is_reachable is None

    found = wait_until(lambda: (now := shown("leased")).is_reachable and now, "it has answered")

    assert found.depths == {"mail": 7}
    assert found.age < 30


def test_a_broker_that_hangs_keeps_nobody_waiting(monkeypatch):
    hangs = threading.Event()
    monkeypatch.setattr(RecordingBackend, "queue_depths", lambda _: hangs.wait(60))
    monkeypatch.setattr(engines, "PATIENCE", 0.2)
    try:
        begun = time.monotonic()
        found = wait_until(lambda: (now := shown("leased")).error and now, "it is out of reach")
        assert time.monotonic() - begun < 30
        assert (found.is_reachable, found.depths) == (False, {})
        assert "not answered" in found.error
        since = found.since
        assert shown("leased").since == since, "since the first time that it did not answer"
    finally:
        hangs.set()


def test_dangers_have_hints(settings):
    settings.TASKS = {
        **settings.TASKS,
        "one": {**ARQ, "OPTIONS": {"BROKER_URL": "redis://nowhere.invalid"}},
        "two": {**ARQ, "OPTIONS": {"BROKER_URL": "redis://nowhere.invalid"}},
    }

    dangers = engines.site_dangers()

    assert {"taskyard.E001", "taskyard.W002"} <= {danger.id for danger in dangers}
    assert all(danger.text and danger.hint for danger in dangers)
    assert {danger.is_error for danger in dangers if danger.id == "taskyard.E001"} == {True}


@pytest.mark.django_db(transaction=True)
def test_a_real_broker_goes_and_comes_back(add_backend, monkeypatch):
    monkeypatch.setattr(engines, "PAUSE", 0.1)
    with servers.redis() as redis:
        options = {"BROKER_URL": redis.address, "BROKER_TIMEOUT": 1}
        add_backend("arq", {**ARQ, "OPTIONS": options})
        found = wait_until(lambda: (now := shown("arq")).is_reachable and now, "it answers")
        assert found.version

        redis.stop()
        found = wait_until(lambda: (now := shown("arq")).error and now, "it is out of reach", 60)
        assert (found.is_reachable, found.depths) == (False, {})
        assert found.since is not None

        redis.start()
        found = wait_until(lambda: (now := shown("arq")).is_reachable and now, "it answers again", 60)
        assert (found.error, found.since) == ("", None)

"""A dispatcher goes on, whatever fails: a broker, a backend, the database."""

import pytest
from django.db import OperationalError, connection
from django.test import override_settings

from taskyard.breaker import breaker_for
from taskyard.exceptions import NotMigrated
from taskyard.models import JOB_TABLE, Job
from taskyard_workers import dispatcher as dispatcher_module
from taskyard_workers.dispatcher import Dispatcher
from tests.example.backends import RecordingBackend
from tests.tasks.jobs import PAST, fresh, row_of, timed
from tests.workers.deliveries import delivered, leased_job, waiting_job

pytestmark = pytest.mark.django_db

RECORDING = {"BACKEND": "tests.example.backends.RecordingBackend", "QUEUES": []}


class FailingBackend(RecordingBackend):
    """A backend whose every part fails."""

    def deliver(self, batch):
        raise ConnectionError("no broker")

    def queue_depths(self):
        raise ConnectionError("no broker")


def test_a_delivery_that_fails_is_tried_again_later(recording_backend, caplog):
    recording_backend.failure = ConnectionError("no broker")
    job = waiting_job()

    with timed() as window:
        Dispatcher().run_once()

    row = fresh(job)
    assert row.delivered_at is None
    assert row.due_at in window.later(5)
    assert breaker_for("leased").is_open
    assert "no broker" in caplog.text


def test_a_broker_that_came_back_gets_what_waited(recording_backend):
    recording_backend.failure = ConnectionError("no broker")
    job = waiting_job()
    Dispatcher().run_once()
    recording_backend.failure = None
    Job.objects.update(due_at=PAST)

    Dispatcher().run_once()

    assert delivered() == [[job.id]]
    assert not breaker_for("leased").is_open, "requests may deliver directly again"
    assert fresh(job).deliveries == 1


def test_a_failing_delivery_is_not_tried_again_in_the_same_round(monkeypatch):
    tried = []

    def deliver(self, batch):
        tried.append(len(batch))
        raise ConnectionError

    monkeypatch.setattr(RecordingBackend, "deliver", deliver)
    monkeypatch.setattr(dispatcher_module, "BATCH", 2)
    for _ in range(6):
        waiting_job()

    Dispatcher().run_once()

    assert tried == [2]


FAILING = {"BACKEND": f"{__name__}.FailingBackend", "QUEUES": []}


@pytest.mark.parametrize("order", [("bad", "good"), ("good", "bad")], ids="-then-".join)
@pytest.mark.parametrize("kind", [waiting_job, leased_job], ids=["due", "lease-over"])
def test_a_backend_that_fails_does_not_stop_the_others(order, kind):
    kinds = {"good": RECORDING, "bad": FAILING}
    with override_settings(TASKS={alias: kinds[alias] for alias in order}):
        kind(backend="bad")
        job = kind(backend="good")

        Dispatcher().run_once()

    assert delivered() == [[job.id]]
    breaker_for("bad").reset()


MISCONFIGURED = {
    "no-such-class": {"BACKEND": "tests.example.backends.NoSuchBackend"},
    "no-such-module": {"BACKEND": "no.such.Backend"},
    "unknown-option": {**RECORDING, "OPTIONS": {"COLOUR": "red"}},
}


@pytest.mark.parametrize("broken", MISCONFIGURED.values(), ids=MISCONFIGURED)
def test_a_backend_that_cannot_be_made_does_not_stop_the_others(broken):
    with override_settings(TASKS={"broken": broken, "good": RECORDING}):
        job = waiting_job(backend="good")

        Dispatcher().run_once()

    assert delivered() == [[job.id]]


def test_where_the_depth_is_unknown_nothing_is_delivered_again(caplog):
    with override_settings(TASKS={"bad": FAILING}):
        job = leased_job(backend="bad")
        before = row_of(job)

        Dispatcher().run_once()

    assert row_of(job) == before
    assert "Cannot tell what waits in recording (backend 'bad'): no broker" in caplog.text


def test_a_database_that_does_not_answer_is_the_loops_to_handle(monkeypatch):
    """Whoever waits for a database that went away must know of it, and not go on with the next step."""

    def fail(self):
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr(RecordingBackend, "queue_depths", fail)
    leased_job()

    with pytest.raises(OperationalError, match="closed the connection"):
        Dispatcher().run_once()


@pytest.mark.django_db(transaction=True)
def test_missing_tables_are_called_by_name():
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {JOB_TABLE} RENAME TO put_aside")
    try:
        with pytest.raises(NotMigrated, match="migrate"):
            Dispatcher().run_once()
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE put_aside RENAME TO {JOB_TABLE}")

"""One round of the dispatcher: what is due is delivered, what got lost is delivered again."""

import logging
import time
from collections import Counter
from datetime import timedelta

import pytest
from django.db import DatabaseError, OperationalError, connection
from django.test import override_settings
from django.utils import timezone

from taskyard.backend import job_backends
from taskyard.breaker import breaker_for
from taskyard.delivery import FIRST_LEASE
from taskyard.exceptions import NotMigrated
from taskyard.models import JOB_TABLE, Job
from taskyard.states import JobState
from taskyard.testing import drain
from taskyard_workers import dispatcher as dispatcher_module
from taskyard_workers.dispatcher import LONGEST_SLEEP, Dispatcher
from tests.example.backends import RecordingBackend
from tests.example.tasks import flaky, nothing
from tests.support.servers import wait_until
from tests.tasks.jobs import FUTURE, PAST, add_job, fresh, row_of, timed
from tests.tasks.threads import at_once

pytestmark = pytest.mark.django_db

RECORDING = {"BACKEND": "tests.example.backends.RecordingBackend", "QUEUES": []}


class FailingBackend(RecordingBackend):
    """A backend whose every part fails."""

    def deliver(self, batch):
        raise ConnectionError("no broker")

    def queue_depths(self):
        raise ConnectionError("no broker")


def waiting_job(**columns):
    return add_job(**{"backend": "leased", "delivered_at": None, "deliveries": 0, "due_at": PAST, **columns})


def leased_job(**columns):
    return add_job(**{"backend": "leased", "due_at": PAST, **columns})


def delivered():
    return [[delivery.job_id for delivery in batch] for batch in RecordingBackend.delivered]


# --- what is due ---


def test_a_deferred_job_is_delivered_when_its_time_has_come():
    nothing.using(backend="leased", run_after=timezone.now() + timedelta(hours=1)).enqueue()
    Dispatcher().run_once()
    assert delivered() == []
    Job.objects.update(due_at=PAST)

    with timed() as window:
        Dispatcher().run_once()

    job = Job.objects.get()
    assert delivered() == [[job.id]]
    assert job.delivered_at in window
    assert job.due_at in window.later(FIRST_LEASE)
    assert job.deliveries == 1


def test_a_deferred_job_of_the_table_itself_becomes_claimable():
    job = waiting_job(backend="default")

    Dispatcher().run_once()

    row = fresh(job)
    assert row.delivered_at is not None
    assert row.due_at is None


def test_a_retry_is_delivered_after_its_delay():
    flaky.using(backend="leased").enqueue()
    drain()
    RecordingBackend.delivered.clear()

    Dispatcher().run_once()
    assert delivered() == [], "its delay is not over"

    Job.objects.update(due_at=PAST)
    Dispatcher().run_once()
    job = Job.objects.get()
    assert delivered() == [[job.id]]
    assert (job.state, job.attempt, job.deliveries) == (JobState.READY, 1, 1)


def test_all_that_is_due_goes_in_one_batch():
    jobs = [waiting_job() for _ in range(5)]

    Dispatcher().run_once()

    [batch] = delivered()
    assert sorted(batch) == [job.id for job in jobs]


def test_more_than_a_batch_goes_in_several(monkeypatch):
    monkeypatch.setattr(dispatcher_module, "BATCH", 2)
    for _ in range(5):
        waiting_job()
    for _ in range(4):
        leased_job()

    Dispatcher().run_once()

    assert [len(batch) for batch in delivered()] == [2, 2, 1, 2, 2]


def test_a_job_is_delivered_once():
    waiting_job()

    for _ in range(3):
        Dispatcher().run_once()

    assert len(delivered()) == 1


def test_idle_workers_are_woken_for_what_was_delivered():
    woken = []
    dispatcher = Dispatcher(on_delivered=lambda: woken.append(True))

    dispatcher.run_once()
    assert woken == []
    waiting_job(backend="default")
    dispatcher.run_once()

    assert woken == [True]


# --- what got lost ---


def test_a_lost_delivery_is_repeated_where_the_engines_queue_is_empty(caplog):
    job = leased_job()

    with timed() as window:
        Dispatcher().run_once()

    row = fresh(job)
    assert delivered() == [[job.id]]
    assert row.deliveries == 2
    assert row.delivered_at in window
    assert row.due_at in window.later(2 * FIRST_LEASE)
    assert "its queue is empty: delivered once more" in caplog.text


def test_a_long_healthy_queue_is_left_alone(recording_backend):
    """However old its jobs are, and without touching their rows."""
    recording_backend.depths = {"default": 3}
    jobs = [leased_job(deliveries=deliveries) for deliveries in (1, 2, 9)]
    before = [row_of(job) for job in jobs]

    Dispatcher().run_once()

    assert delivered() == []
    assert [row_of(job) for job in jobs] == before


def test_the_evidence_is_taken_queue_by_queue(recording_backend):
    recording_backend.depths = {"default": 7, "mail": 0}
    healthy = leased_job(queue="default")
    lost = {leased_job(queue="mail").id, leased_job(queue="reports").id}

    Dispatcher().run_once()

    assert {job_id for batch in delivered() for job_id in batch} == lost
    assert fresh(healthy).deliveries == 1


def running_job(**columns):
    return add_job(JobState.RUNNING, backend="leased", **columns)


def test_a_delivery_that_was_overtaken_is_repeated_though_the_queue_is_long(recording_backend, caplog):
    recording_backend.depths = {"default": 100}
    lost = leased_job()
    running_job(delivered_at=PAST + timedelta(minutes=1))
    after = leased_job(delivered_at=PAST + timedelta(minutes=2))

    Dispatcher().run_once()

    assert delivered() == [[lost.id]]
    assert fresh(after).deliveries == 1
    assert "later ones run already: delivered once more" in caplog.text


OTHERS = {
    "queue": {"queue": "mail"},
    "priority": {"priority": 10},
    "a-moment-later": {"delivered_at": PAST + timedelta(seconds=1)},
}


@pytest.mark.parametrize("columns", OTHERS.values(), ids=OTHERS)
def test_only_a_later_delivery_of_the_same_queue_and_priority_overtakes(recording_backend, columns):
    recording_backend.depths = {"default": 100, "mail": 100}
    leased_job()
    running_job(**{"delivered_at": PAST + timedelta(minutes=1), **columns})

    Dispatcher().run_once()

    assert delivered() == []


def test_a_lost_job_is_not_delivered_in_every_round():
    job = leased_job()
    dispatcher = Dispatcher()

    for _ in range(3):
        dispatcher.run_once()
        Dispatcher().run_once()

    assert delivered() == [[job.id]]


def test_a_lost_delivery_that_fails_again_is_due_again(recording_backend):
    recording_backend.failure = ConnectionError("no broker")
    job = leased_job()

    with timed() as window:
        Dispatcher().run_once()

    row = fresh(job)
    assert row.delivered_at is None
    assert row.due_at in window.later(5)


def test_a_running_job_is_not_delivered_again():
    job = add_job(JobState.RUNNING, backend="leased", due_at=PAST)
    before = row_of(job)

    Dispatcher().run_once()

    assert delivered() == []
    assert row_of(job) == before


def test_a_job_whose_lease_holds_is_not_delivered_again():
    leased_job(due_at=FUTURE)

    Dispatcher().run_once()

    assert delivered() == []


def test_the_table_itself_loses_no_delivery():
    job = add_job(backend="default", due_at=None)
    before = row_of(job)

    Dispatcher().run_once()

    assert row_of(job) == before


# --- what fails ---


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


# --- jobs that nobody serves ---


@pytest.mark.parametrize("state", [JobState.READY, JobState.RUNNING], ids=str.lower)
def test_a_job_of_an_unknown_backend_stops_nothing(state, caplog):
    stranger = add_job(state, backend="gone", due_at=PAST if state == JobState.READY else None)
    before = row_of(stranger)
    job = waiting_job()
    dispatcher = seasoned()

    dispatcher.run_once()

    assert delivered() == [[job.id]]
    assert fresh(stranger).state in (state, JobState.READY)
    if state == JobState.READY:
        assert row_of(stranger) == before
        errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
        assert any("'gone'" in message and "TASKS" in message for message in errors)


def test_a_job_of_an_unknown_backend_keeps_no_dispatcher_busy():
    add_job(backend="gone", delivered_at=None, due_at=PAST)

    assert Dispatcher().run_once() == LONGEST_SLEEP


def test_only_backends_of_taskyard_are_served():
    django_backend = f"{type(nothing).__module__.rpartition('.')[0]}.backends.dummy.DummyBackend"
    with override_settings(TASKS={"default": {"BACKEND": django_backend}, "leased": RECORDING}):
        job = waiting_job()

        Dispatcher().run_once()

        assert list(job_backends()) == ["leased"]
    assert delivered() == [[job.id]]


# --- when to look again ---


def test_with_nothing_due_it_sleeps_as_long_as_it_may():
    waiting_job(due_at=FUTURE)
    leased_job(due_at=FUTURE)

    assert Dispatcher().run_once() == LONGEST_SLEEP == 1.0


def test_it_sleeps_until_the_next_job_is_due():
    waiting_job(due_at=timezone.now() + timedelta(seconds=0.5))

    assert 0 < Dispatcher().run_once() <= 0.5


def test_it_never_spins():
    """What became due during the round is for the next one, a moment later."""
    waiting_job(due_at=timezone.now() + timedelta(milliseconds=2))

    assert Dispatcher().run_once() > 0


# --- many dispatchers ---


@pytest.mark.django_db(transaction=True)
def test_dispatchers_at_the_same_instant_deliver_each_job_once(monkeypatch):
    monkeypatch.setattr(dispatcher_module, "BATCH", 20)
    jobs = [*(waiting_job() for _ in range(150)), *(leased_job() for _ in range(50))]

    at_once(*[Dispatcher().run_once] * 4)
    Dispatcher().run_once()  # A round of a dispatcher may end with less than a batch.

    counted = Counter(job_id for batch in delivered() for job_id in batch)
    assert counted == {job.id: 1 for job in jobs}


# --- housekeeping ---


def test_what_is_past_its_retention_is_deleted():
    for _ in range(3):
        add_job(JobState.SUCCESSFUL, prune_at=PAST)
    kept = add_job(JobState.SUCCESSFUL)

    Dispatcher().run_once()

    assert list(Job.objects.all()) == [kept]


def test_housekeeping_is_not_done_in_every_round():
    dispatcher = Dispatcher()
    dispatcher.run_once()
    add_job(JobState.SUCCESSFUL, prune_at=PAST)

    dispatcher.run_once()
    assert Job.objects.count() == 1

    dispatcher._next_prune = 0
    dispatcher.run_once()
    assert not Job.objects.exists()


# --- as a loop ---


@pytest.mark.django_db(transaction=True)
def test_the_loop_delivers_until_it_is_stopped():
    dispatcher = Dispatcher()
    dispatcher.start()
    try:
        job = waiting_job()
        wait_until(delivered, "the job is delivered", 10)
    finally:
        dispatcher.stop()

    assert delivered() == [[job.id]]
    assert not dispatcher._thread.is_alive()


@pytest.mark.django_db(transaction=True)
def test_the_loop_outlives_a_round_that_fails(monkeypatch, caplog):
    rounds = []

    def fail_at_first(self):
        rounds.append(time.monotonic())
        if len(rounds) < 3:
            raise [DatabaseError("gone"), RuntimeError("a bug")][len(rounds) - 1]
        return 0.01

    monkeypatch.setattr(Dispatcher, "run_once", fail_at_first)
    monkeypatch.setattr(dispatcher_module, "LONGEST_SLEEP", 0.01)
    dispatcher = Dispatcher()
    dispatcher.start()
    try:
        wait_until(lambda: len(rounds) > 3, "the loop goes on", 10)
    finally:
        dispatcher.stop()

    assert "cannot reach its database (gone)" in caplog.text


def seasoned():
    """Return a dispatcher that has been in touch long enough to judge workers dead."""
    dispatcher = Dispatcher()
    dispatcher._healthy_since -= 3600
    return dispatcher


def test_dispatchers_do_not_ask_in_lockstep(monkeypatch):
    waits = []

    class Stopped:
        def is_set(self):
            return len(waits) >= 20

        def wait(self, seconds):
            waits.append(seconds)

    dispatcher = Dispatcher()
    monkeypatch.setattr(dispatcher, "_stopped", Stopped())
    monkeypatch.setattr(dispatcher, "run_once", lambda: LONGEST_SLEEP)

    dispatcher.run()

    assert len(set(waits)) > 10
    assert all(0.8 * LONGEST_SLEEP <= wait <= LONGEST_SLEEP for wait in waits)

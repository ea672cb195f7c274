"""One round of the dispatcher, and the loop of them."""

import logging
import time
from collections import Counter
from datetime import timedelta

import pytest
from django.db import DatabaseError
from django.test import override_settings
from django.utils import timezone

from taskyard.backend import job_backends
from taskyard.delivery import FIRST_LEASE
from taskyard.models import Job
from taskyard.states import JobState
from taskyard.testing import drain
from taskyard_workers import dispatcher as dispatcher_module
from taskyard_workers.dispatcher import LONGEST_SLEEP, Dispatcher
from tests.example.backends import RecordingBackend
from tests.example.tasks import flaky, nothing
from tests.support.servers import wait_until
from tests.tasks.jobs import FUTURE, PAST, add_job, fresh, row_of, timed
from tests.tasks.threads import at_once
from tests.workers.deliveries import delivered, leased_job, waiting_job

pytestmark = pytest.mark.django_db

RECORDING = {"BACKEND": "tests.example.backends.RecordingBackend", "QUEUES": []}


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


def test_it_sleeps_until_the_next_job_is_due(monkeypatch):
    monkeypatch.setattr(dispatcher_module, "LONGEST_SLEEP", 3600)
    waiting_job(due_at=timezone.now() + timedelta(seconds=600))

    assert 300 < Dispatcher().run_once() <= 600


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
        wait_until(delivered, "the job is delivered")
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
        wait_until(lambda: len(rounds) > 3, "the loop goes on")
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

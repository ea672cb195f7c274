"""Deliveries that fail cost nobody anything, and leases bring back what got lost."""

import logging
import time
from datetime import timedelta

import pytest
from django.db import transaction

from taskyard.breaker import PAUSE, breaker_for
from taskyard.delivery import (
    FIRST_LEASE,
    LONGEST_LEASE,
    MARGIN,
    Overtaking,
    delivery_of,
    hand_back,
    overtakings,
    seconds_until_due,
    take_due,
    take_lost,
    waiting_queues,
)
from taskyard.models import Job
from taskyard.states import JobState
from tests.example.tasks import nothing
from tests.tasks.jobs import FUTURE, PAST, add_job, changed, fresh, row_of, timed

LEASED = nothing.using(backend="leased")

on_its_own = pytest.mark.django_db(transaction=True)
in_a_test = pytest.mark.django_db


@pytest.fixture
def calls(monkeypatch, recording_backend):
    """Count the calls of deliver, the failing ones included."""
    counted = []
    deliver = recording_backend.deliver

    def counting(self, batch):
        counted.append(len(batch))
        deliver(self, batch)

    monkeypatch.setattr(recording_backend, "deliver", counting)
    return counted


# --- a delivery that fails ---


@on_its_own
@pytest.mark.parametrize("failure", [ConnectionError("no broker"), TimeoutError(), KeyError("x")], ids=repr)
def test_a_delivery_that_fails_is_logged_and_the_job_due_again(recording_backend, caplog, failure):
    recording_backend.failure = failure

    with timed() as window:
        result = LEASED.enqueue()

    job = Job.objects.get(pk=result.id)
    assert (job.state, job.delivered_at) == (JobState.READY, None)
    assert job.due_at in window
    [record] = [each for each in caplog.records if each.name == "taskyard.backend"]
    assert record.levelno == logging.WARNING
    assert record.exc_info[1] is failure
    message = record.getMessage()
    assert "1 jobs could not be delivered to recording (backend 'leased')" in message
    assert "safe in the database" in message


@on_its_own
def test_a_delivery_that_fails_hands_back_the_whole_batch(recording_backend):
    recording_backend.failure = ConnectionError()

    with transaction.atomic():
        for _ in range(3):
            LEASED.enqueue()

    assert set(Job.objects.values_list("delivered_at", flat=True)) == {None}
    assert Job.objects.filter(due_at=None).count() == 0


@on_its_own
def test_after_a_failure_direct_delivery_rests(recording_backend, calls):
    recording_backend.failure = ConnectionError()
    LEASED.enqueue()
    recording_backend.failure = None

    with timed() as window:
        result = LEASED.enqueue()

    job = Job.objects.get(pk=result.id)
    assert calls == [1], "the second request must not wait for a broker that just failed"
    assert (job.delivered_at, job.deliveries) == (None, 0)
    assert job.due_at in window
    assert seconds_until_due(["default", "leased"]) <= 0


@on_its_own
def test_direct_delivery_comes_back_by_itself(recording_backend):
    breaker = breaker_for("leased")
    breaker.trip()
    assert breaker.is_open
    assert breaker.open_until == pytest.approx(time.monotonic() + PAUSE, abs=1)

    breaker.open_until = time.monotonic()
    LEASED.enqueue()

    assert not breaker.is_open
    assert len(recording_backend.delivered) == 1


@on_its_own
def test_a_reset_breaker_lets_deliveries_through(recording_backend):
    breaker_for("leased").trip()
    breaker_for("leased").reset()

    LEASED.enqueue()

    assert len(recording_backend.delivered) == 1


@on_its_own
def test_a_failing_backend_opens_no_other_breaker(recording_backend):
    recording_backend.failure = ConnectionError()

    LEASED.enqueue()

    assert breaker_for("leased").is_open
    assert not breaker_for("default").is_open
    assert breaker_for("leased") is breaker_for("leased")


@on_its_own
def test_a_claimed_job_is_not_taken_back_by_a_late_failure(recording_backend, monkeypatch):
    """The engine delivered, its worker claimed, and only then the client reports a failure."""

    def deliver(self, batch):
        Job.objects.update(state=JobState.RUNNING, attempt=1, worker="bob", due_at=None)
        raise TimeoutError

    monkeypatch.setattr(recording_backend, "deliver", deliver)

    LEASED.enqueue()

    job = Job.objects.get()
    assert (job.state, job.worker, job.due_at) == (JobState.RUNNING, "bob", None)
    assert job.delivered_at is not None


# --- what the insert says already ---


@in_a_test
def test_a_new_job_of_a_broker_is_delivered_and_leased():
    with timed() as window:
        result = LEASED.enqueue()

    job = Job.objects.get(pk=result.id)
    assert job.delivered_at in window
    assert job.due_at in window.later(FIRST_LEASE)
    assert job.deliveries == 1


@in_a_test
def test_a_new_job_of_the_table_itself_needs_no_lease():
    with timed() as window:
        result = nothing.enqueue()

    job = Job.objects.get(pk=result.id)
    assert job.delivered_at in window
    assert (job.due_at, job.deliveries) == (None, 1)


# --- taking what is due ---


@in_a_test
@pytest.mark.parametrize("leased", [True, False], ids=["leased", "not-leased"])
def test_a_due_job_is_taken_and_marked_delivered(leased):
    job = add_job(delivered_at=None, deliveries=0, due_at=PAST)

    with timed() as window:
        [taken] = take_due("default", leased=leased, limit=10)

    row = fresh(job)
    assert changed(taken, row) == set()
    assert changed(job, row) == {"delivered_at", "deliveries", "due_at"}
    assert row.delivered_at in window
    assert row.deliveries == 1
    if leased:
        assert row.due_at in window.later(FIRST_LEASE)
    else:
        assert row.due_at is None


@in_a_test
def test_a_due_job_is_taken_once():
    add_job(delivered_at=None, due_at=PAST)

    assert len(take_due("default", leased=True, limit=10)) == 1
    assert take_due("default", leased=True, limit=10) == []


NOT_DUE = {
    "its-time-has-not-come": {"delivered_at": None, "due_at": FUTURE},
    "delivered": {"delivered_at": PAST, "due_at": PAST},
    "of-another-backend": {"delivered_at": None, "due_at": PAST, "backend": "leased"},
    "never-due": {"delivered_at": None, "due_at": None},
    "running": {"state": JobState.RUNNING, "delivered_at": None, "due_at": PAST},
    "finished": {"state": JobState.CANCELLED, "delivered_at": None, "due_at": PAST},
}


@in_a_test
@pytest.mark.parametrize("columns", NOT_DUE.values(), ids=NOT_DUE)
def test_what_is_not_due_is_not_taken(columns):
    job = add_job(**columns)
    before = row_of(job)

    assert take_due("default", leased=True, limit=10) == []

    assert row_of(job) == before


@in_a_test
def test_the_longest_due_are_taken_first():
    jobs = [add_job(delivered_at=None, due_at=PAST + timedelta(hours=hours)) for hours in (3, 1, 2)]

    taken = take_due("default", leased=True, limit=2)

    assert {job.id for job in taken} == {jobs[1].id, jobs[2].id}


# --- leases that ran out ---

LEASES = [(1, 30), (2, 60), (3, 120), (7, 1920), (8, 3840), (9, 3840), (100, 3840)]


@in_a_test
@pytest.mark.parametrize(("deliveries", "seconds"), LEASES, ids=lambda value: str(value))
def test_each_lease_is_twice_as_long_as_the_one_before_up_to_an_hour(deliveries, seconds):
    job = add_job(deliveries=deliveries, due_at=PAST)

    with timed() as window:
        [taken] = take_lost("default", "default", limit=10)

    row = fresh(job)
    assert changed(taken, row) == set()
    assert changed(job, row) == {"delivered_at", "deliveries", "due_at"}
    assert row.delivered_at in window
    assert row.deliveries == deliveries + 1
    assert row.due_at in window.later(seconds)
    assert seconds == min(FIRST_LEASE * 2**deliveries, LONGEST_LEASE)


NOT_LOST = {
    "still-leased": {"due_at": FUTURE},
    "not-delivered": {"delivered_at": None, "due_at": PAST},
    "of-another-backend": {"due_at": PAST, "backend": "leased"},
    "of-another-queue": {"due_at": PAST, "queue": "mail"},
    "running": {"state": JobState.RUNNING, "due_at": PAST},
}


@in_a_test
@pytest.mark.parametrize("columns", NOT_LOST.values(), ids=NOT_LOST)
def test_a_lease_that_is_not_over_is_left_alone(columns):
    job = add_job(**columns)
    before = row_of(job)

    assert take_lost("default", "default", limit=10) == []

    assert row_of(job) == before


@in_a_test
def test_what_an_engine_without_leases_left_is_taken_by_the_one_that_follows_it():
    """TASKS gives the backend another engine: nobody has a message for what was delivered before."""
    job = add_job(due_at=None)

    assert [taken.id for taken in take_lost("default", "default", limit=10)] == [job.id]

    assert fresh(job).due_at is not None


@in_a_test
@pytest.mark.parametrize(
    "take",
    [
        lambda limit: take_due("default", leased=True, limit=limit),
        lambda limit: take_lost("default", "default", limit=limit),
    ],
    ids=["due", "lost"],
)
def test_no_more_are_taken_than_asked_for(take):
    for _ in range(3):
        add_job(delivered_at=None, due_at=PAST)
        add_job(due_at=PAST)

    assert [len(take(2)) for _ in range(3)] == [2, 1, 0]


# --- deliveries that were overtaken ---

LATER = PAST + timedelta(minutes=1)
ONE_LATER = Overtaking("default", 0, LATER)


@in_a_test
def test_the_latest_delivery_that_runs_overtakes_those_before_it():
    add_job(JobState.RUNNING, delivered_at=LATER)
    add_job(JobState.RUNNING, delivered_at=PAST)
    add_job(JobState.RUNNING, delivered_at=PAST, priority=5)
    add_job(JobState.RUNNING, delivered_at=PAST, queue="mail")
    add_job(JobState.RUNNING, delivered_at=FUTURE, backend="leased")
    add_job(JobState.SUCCESSFUL, delivered_at=FUTURE)
    add_job(JobState.READY, delivered_at=FUTURE)

    found = overtakings("default")

    assert sorted(found, key=lambda each: (each.queue, each.priority)) == [
        ONE_LATER,
        Overtaking("default", 5, PAST),
        Overtaking("mail", 0, PAST),
    ]


@in_a_test
def test_a_delivery_that_was_overtaken_is_taken():
    job = add_job(due_at=PAST)

    [taken] = take_lost("default", "default", limit=10, overtaken_by=ONE_LATER)

    assert taken.id == job.id
    assert fresh(job).deliveries == 2


NOT_OVERTAKEN = {
    "delivered-later": {"delivered_at": LATER + timedelta(seconds=1)},
    "delivered-at-the-same-time": {"delivered_at": LATER},
    "delivered-a-moment-before": {"delivered_at": LATER - MARGIN + timedelta(seconds=1)},
    "of-another-priority": {"priority": 1},
    "of-another-queue": {"queue": "mail"},
    "of-another-backend": {"backend": "leased"},
    "still-leased": {"due_at": FUTURE},
    "not-delivered": {"delivered_at": None},
    "running": {"state": JobState.RUNNING},
}


@in_a_test
@pytest.mark.parametrize("columns", NOT_OVERTAKEN.values(), ids=NOT_OVERTAKEN)
def test_a_delivery_that_was_not_overtaken_is_left_alone(columns):
    job = add_job(**{"due_at": PAST, **columns})
    before = row_of(job)

    assert take_lost("default", "default", limit=10, overtaken_by=ONE_LATER) == []

    assert row_of(job) == before


# --- handing back ---


@in_a_test
@pytest.mark.parametrize("delay", [0, 5, 0.25], ids=str)
def test_a_job_that_is_handed_back_is_due_again(delay):
    job, other = add_job(due_at=FUTURE), add_job(due_at=FUTURE)

    with timed() as window:
        hand_back([delivery_of(job)], delay=delay)

    row = fresh(job)
    assert changed(job, row) == {"delivered_at", "due_at", "deliveries"}
    assert (row.delivered_at, row.deliveries) == (None, 0)
    assert row.due_at in window.later(delay)
    assert changed(other, fresh(other)) == set()


@in_a_test
def test_a_broker_that_stays_dead_uses_up_no_count():
    """What was not delivered does not count as a delivery, however often it is tried."""
    job = add_job(delivered_at=None, deliveries=0, due_at=PAST)

    for _ in range(3):
        [taken] = take_due("default", leased=True, limit=10)
        hand_back([delivery_of(taken)])

    assert fresh(job).deliveries == 0


@in_a_test
@pytest.mark.parametrize("state", [state for state in JobState if state != JobState.READY], ids=str.lower)
def test_only_a_waiting_job_can_be_handed_back(state):
    job = add_job(state)
    before = row_of(job)

    hand_back([delivery_of(job)])

    assert row_of(job) == before


@in_a_test
def test_handing_back_nothing_is_no_trouble():
    job = add_job()
    before = row_of(job)

    hand_back([])

    assert row_of(job) == before


# --- when to look again ---


@in_a_test
def test_nothing_is_due_where_nothing_waits():
    add_job(due_at=None)
    add_job(JobState.RUNNING, delivered_at=None, due_at=PAST)
    add_job(JobState.FAILED, delivered_at=None, due_at=PAST)

    assert seconds_until_due(["default", "leased"]) is None


@in_a_test
def test_a_lease_that_ends_is_no_reason_to_look():
    """Leases end by the thousand in a long healthy backlog."""
    add_job(due_at=PAST)

    assert seconds_until_due(["default", "leased"]) is None


@in_a_test
def test_the_next_due_job_says_when_to_look_again():
    add_job(delivered_at=None, due_at=FUTURE)
    job = add_job()

    hand_back([delivery_of(job)], delay=100)

    assert 90 < seconds_until_due(["default", "leased"]) <= 100


@in_a_test
def test_a_job_that_is_due_already_says_so():
    add_job(delivered_at=None, due_at=PAST)

    assert seconds_until_due(["default", "leased"]) < 0


@in_a_test
@pytest.mark.parametrize("backends", [[], ["leased"], ["gone", "leased"]], ids=str)
def test_only_the_backends_asked_for_are_looked_at(backends):
    add_job(delivered_at=None, due_at=PAST, backend="default")

    assert seconds_until_due(backends) is None


@in_a_test
def test_the_queues_in_which_delivered_jobs_wait_are_known():
    for queue in ("mail", "default", "mail", "zoo", "mail"):
        add_job(queue=queue)
    add_job(queue="undelivered", delivered_at=None)
    add_job(queue="elsewhere", backend="leased")
    add_job(JobState.RUNNING, queue="taken")

    assert waiting_queues("default") == ["default", "mail", "zoo"]
    assert waiting_queues("leased") == ["elsewhere"]
    assert waiting_queues("none") == []

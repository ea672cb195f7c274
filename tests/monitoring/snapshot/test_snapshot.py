"""The snapshot shows what the tables hold."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from taskyard.database import database_time
from taskyard.models import Schedule
from taskyard.operating import counting
from taskyard.pauses import pause_queue
from taskyard.states import JobState
from taskyard_monitoring import snapshot as taken
from taskyard_monitoring.snapshot import counts, present, snapshot
from taskyard_workers.models import WorkerProcess
from tests.example import tasks
from tests.monitoring.history.rows import add_row, ago
from tests.tasks.jobs import FUTURE, PAST, add_job

pytestmark = pytest.mark.django_db


def moment(**before):
    """Return the time that long ago, by the database's clock."""
    return database_time(connection) - timedelta(**before)


def add_worker(name="ada", silent_for=0, **columns):
    """Put a process into the register."""
    usual = {"backend": "default", "host": "here", "pid": 1, "concurrency": 4, "queues": []}
    return WorkerProcess.objects.create(
        id=f"{name}.1",
        name=name,
        started_at=PAST,
        beat_at=moment(seconds=silent_for),
        **{**usual, **columns},
    )


def test_counts(db):
    for state, number in zip(JobState, range(1, 6), strict=True):
        for _ in range(number):
            add_job(state)
    add_job(delivered_at=None, due_at=FUTURE)
    add_job(delivered_at=None, due_at=FUTURE, attempt=2)
    add_job(delivered_at=None, due_at=PAST)
    add_job(delivered_at=None, due_at=None)

    assert snapshot().counts == {
        "waiting": 1 + 2,
        "scheduled": 1,
        "retrying": 1,
        "running": 2,
        "successful": 3,
        "failed": 4,
        "cancelled": 5,
    }


def test_counts_are_capped(db, monkeypatch):
    for module in (counting, counts):
        monkeypatch.setattr(module, "CAP", 3)
    monkeypatch.setattr(counting.Capped, "cap", 3)
    for state in (JobState.READY, JobState.FAILED, JobState.SUCCESSFUL):
        for _ in range(4):
            add_job(state)
    for number in range(4):
        add_job(delivered_at=None, due_at=FUTURE, attempt=number % 2)

    shown = {name: str(count) for name, count in snapshot().counts.items()}

    for name in ("waiting", "scheduled", "failed", "successful"):
        assert shown[name] == "3+"
    assert shown["running"] == "0"


def test_queues(db):
    since = moment(seconds=90)
    add_job(queue="mail", delivered_at=since)
    add_row(ago(seconds=60), queue="mail", succeeded=10)
    pause_queue("mail", by="vera")

    [queue] = [
        each for each in snapshot().queues if (each.status.name, each.status.backend) == ("mail", "default")
    ]

    assert (queue.status.waiting, queue.status.oldest, queue.depth) == (1, since, 1)
    assert queue.status.paused.paused_by == "vera"
    assert queue.rate.finished == 10


def test_workers_and_what_they_run(db):
    add_worker()
    add_worker("bob", silent_for=30)
    older, newer = moment(seconds=50), moment(seconds=5)
    add_job(JobState.RUNNING, worker="ada.1", last_attempted_at=newer)
    job = add_job(
        JobState.RUNNING, worker="ada.1", last_attempted_at=older, progress={"done": 1, "total": 2}, attempt=3
    )

    ada, bob = snapshot().workers

    assert (ada.status.state, ada.status.running, bob.status.state) == ("alive", 2, "silent")
    assert [each.since for each in ada.jobs] == [older, newer]
    first = ada.jobs[0]
    assert (first.id, first.task, first.attempt, first.progress["done"]) == (job.pk, job.task, 3, 1)
    assert 50 <= first.seconds < 110
    assert bob.jobs == ()


@pytest.mark.parametrize(
    ("task", "minutes", "silent_for", "is_stuck"),
    [
        # run_over has a timeout of 0.2 s.
        (tasks.run_over, 0.5, 0, False),
        (tasks.run_over, 1.5, 0, True),
        (tasks.nothing, 600, 0, False),
        (tasks.nothing, 50, 30, False),
        (tasks.nothing, 70, 30, True),
    ],
)
def test_stuck_jobs(db, task, minutes, silent_for, is_stuck):
    add_worker(silent_for=silent_for)
    add_job(
        JobState.RUNNING, task=task.module_path, worker="ada.1", last_attempted_at=moment(minutes=minutes)
    )

    shown = snapshot()

    assert [job.is_stuck for job in shown.running] == [is_stuck]
    assert shown.health.stuck == is_stuck


def test_a_job_in_nobodys_hands_is_stuck_after_an_hour(db):
    add_job(JobState.RUNNING, worker="gone.1", last_attempted_at=moment(hours=2))
    add_job(JobState.RUNNING, worker="gone.1", task="no.such.task", last_attempted_at=moment(minutes=5))

    assert snapshot().health.stuck == 1


def test_schedules(db):
    late = moment(minutes=3)
    for name, columns in {
        "late": {"next_slot": late},
        "in time": {"next_slot": FUTURE},
        "paused": {"next_slot": late, "paused_at": PAST},
        "faulty": {"next_slot": late, "fault": "no task"},
        "new": {"next_slot": None},
    }.items():
        Schedule.objects.create(name=name, task="a.b", cron="* * * * *", **columns)

    found = {each.schedule.name: each for each in snapshot().schedules}

    assert {name: each.condition for name, each in found.items()} == {
        **dict.fromkeys(["late", "in time", "new"], "active"),
        **{"paused": "paused", "faulty": "faulty"},
    }
    assert [name for name, each in found.items() if each.is_late] == ["late"]
    assert 180 <= found["late"].overdue < 240
    assert snapshot().health.late_schedules == 1


def test_statements_do_not_grow_with_the_jobs(db):
    def statements():
        for memory in (taken, counts):
            memory.forget()
        with CaptureQueriesContext(connection) as queries:
            snapshot()
        return len(queries)

    for state in JobState:
        add_job(state)
    few = statements()
    for state in JobState:
        for _ in range(20):
            add_job(state)

    assert statements() <= few


class TestAge:
    def test_it_is_taken_once_for_all_who_ask_meanwhile(self, db, monkeypatch):
        taking = []
        monkeypatch.setattr(present, "take", lambda: taking.append(1))
        assert all(snapshot(60) is None for _ in range(3))
        # Nothing was taken, so each asked anew.
        assert len(taking) == 3

        first = object()
        monkeypatch.setattr(present, "take", lambda: first)
        assert snapshot(60) is first
        monkeypatch.setattr(present, "take", object)
        assert snapshot(60) is first
        assert snapshot(0) is not first

    def test_threads_share_one(self, monkeypatch):
        taking = []
        all_ask = threading.Barrier(8)

        def take():
            taking.append(1)
            return object()

        def ask(_):
            all_ask.wait(30)
            try:
                return snapshot(60)
            finally:
                connections.close_all()

        monkeypatch.setattr(present, "take", take)
        with ThreadPoolExecutor(8) as threads:
            found = list(threads.map(ask, range(8)))

        assert len(taking) == len(set(map(id, found))) == 1

    def test_who_has_changed_something_sees_it(self, db):
        assert snapshot(60).counts["failed"] == 0
        add_job(JobState.FAILED)
        assert snapshot(60).counts["failed"] == 0

        taken.forget()

        assert snapshot(60).counts["failed"] == 1

    def test_an_expensive_one_is_taken_seldom(self, db, monkeypatch):
        first = snapshot(0)
        monkeypatch.setattr(present._camera, "_cost", 10.0)

        assert snapshot(0) is first

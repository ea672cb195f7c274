"""Times come from the database's clock: neither a worker's nor the server's time zone changes one."""

import time
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from taskyard import history
from taskyard.models import Job
from taskyard.states import JobState
from taskyard.testing import drain
from taskyard.transitions import cancel_waiting, requeue
from tests.example.tasks import add, fail, flaky
from tests.tasks.jobs import add_job, fresh, timed

pytestmark = pytest.mark.django_db


@pytest.fixture(params=[-3600, 3600], ids=["an-hour-slow", "an-hour-fast"])
def wrong_clock(request, monkeypatch):
    """Set this process's clock wrong; the monotonic one goes on."""
    true_now, true_time = timezone.now, time.time
    monkeypatch.setattr(timezone, "now", lambda: true_now() + timedelta(seconds=request.param))
    monkeypatch.setattr(time, "time", lambda: true_time() + request.param)
    return request.param


def _times(job):
    columns = (job.enqueued_at, job.started_at, job.last_attempted_at, job.finished_at)
    return [moment for moment in columns if moment is not None]


def test_a_wrong_clock_changes_no_time_of_a_jobs_life(wrong_clock):
    with timed() as window:
        add.enqueue(1, 2)
        fail.enqueue()
        results = drain()

    for job in Job.objects.all():
        assert len(_times(job)) == 4
        assert all(moment in window for moment in _times(job))
        assert job.prune_at in window.later(timedelta(days=7).total_seconds())
        assert all(datetime.fromisoformat(entry["ended_at"]) in window.later(0) for entry in job.attempts)
    for result in results:
        assert result.finished_at in window


def test_a_wrong_clock_changes_no_retry_delay(wrong_clock):
    result = flaky.enqueue()

    with timed() as window:
        drain()

    due_at = Job.objects.get(pk=result.id).due_at
    assert window.begun + timedelta(seconds=1.8) <= due_at <= window.ended + timedelta(seconds=2.2)


def test_a_wrong_clock_changes_no_cancel_and_no_requeue(wrong_clock):
    job = add_job()

    with timed() as window:
        cancel_waiting([job.id], timedelta(days=1))
        cancelled = fresh(job)
        requeue([job.id])
    requeued = fresh(job)

    assert cancelled.finished_at in window
    assert cancelled.prune_at in window.later(24 * 3600)
    assert requeued.due_at in window
    assert requeued.attempts[-1]["outcome"] == history.REQUEUED
    assert datetime.fromisoformat(requeued.attempts[-1]["ended_at"]) in window


ZONES = {"postgresql": "SET TIME ZONE 'Asia/Tokyo'", "mysql": "SET SESSION time_zone = '+09:00'"}
BACK = {"postgresql": "SET TIME ZONE 'UTC'", "mysql": "SET SESSION time_zone = '+00:00'"}


@pytest.fixture
def server_elsewhere():
    """Let the database's own time zone be Tokyo's, as a server of that country has it."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has no server and so no time zone of its own")
    with connection.cursor() as cursor:
        cursor.execute(ZONES[connection.vendor])
    yield
    with connection.cursor() as cursor:
        cursor.execute(BACK[connection.vendor])


def test_a_server_in_another_time_zone_changes_no_time_of_a_jobs_life(server_elsewhere):
    with timed() as window:
        add.enqueue(1, 2)
        [result] = drain()

    job = Job.objects.get(pk=result.id)
    assert all(moment in window for moment in _times(job))
    assert job.prune_at in window.later(timedelta(days=7).total_seconds())


def test_a_server_in_another_time_zone_changes_no_cancel_and_no_requeue(server_elsewhere):
    job = add_job()

    with timed() as window:
        cancel_waiting([job.id], timedelta(days=1))
        cancelled = fresh(job)
        requeue([job.id])
    requeued = fresh(job)

    assert cancelled.finished_at in window
    assert cancelled.prune_at in window.later(24 * 3600)
    assert requeued.due_at in window


def test_a_server_in_another_time_zone_makes_no_job_due_early(server_elsewhere):
    soon = timezone.now() + timedelta(hours=1)
    add.using(run_after=soon).enqueue(1, 2)

    assert drain() == []
    assert Job.objects.get().state == JobState.READY

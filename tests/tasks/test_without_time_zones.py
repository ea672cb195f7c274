"""USE_TZ = False: times are naive, and all else is as ever."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import override_settings

from taskyard.database import database_time
from taskyard.delivery import FIRST_LEASE, hand_back, seconds_until_due, take_due
from taskyard.delivery import delivery_of as told
from taskyard.models import Job
from taskyard.states import JobState
from taskyard.testing import drain
from taskyard.transitions import cancel_waiting, requeue
from tests.example.tasks import add, flaky, nothing
from tests.tasks.jobs import fresh, timed

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def without_time_zones():
    if connection.vendor == "mysql":
        pytest.skip("Django leaves MySQL's session in the server's own time zone, which is not the site's")
    with override_settings(USE_TZ=False):
        yield


def test_the_databases_time_is_the_sites_local_time():
    now = database_time(connection)

    assert now.tzinfo is None
    assert abs(now - datetime.now()) < timedelta(seconds=5)


def test_a_jobs_life_is_told_in_local_time():
    with timed() as window:
        add.enqueue(1, 2)
        [result] = drain()

    job = Job.objects.get()
    for moment in (job.enqueued_at, job.started_at, job.last_attempted_at, job.finished_at):
        assert moment.tzinfo is None
        assert moment in window
    assert job.prune_at in window.later(timedelta(days=7).total_seconds())
    assert result.return_value == 3


@pytest.mark.parametrize(("hours", "runs"), [(1, 0), (-1, 1)], ids=["to-come", "past"])
def test_a_deferred_job_is_due_at_its_time(hours, runs):
    wanted = datetime.now() + timedelta(hours=hours)
    nothing.using(run_after=wanted).enqueue()

    assert Job.objects.get().run_after == wanted
    assert hours * 3600 - 60 < seconds_until_due(["default"]) < hours * 3600 + 60
    assert len(drain()) == runs


def test_retries_leases_and_cancels_count_from_the_same_clock():
    flaky.enqueue()
    with timed() as window:
        drain()
    job = Job.objects.get()
    assert window.later(1.5).begun < job.due_at < window.later(2.5).ended

    with timed() as window:
        hand_back([told(job)])
        assert take_due("default", leased=True, limit=5)
    assert fresh(job).due_at in window.later(FIRST_LEASE)

    with timed() as window:
        cancel_waiting([job.id], timedelta(hours=1))
        assert fresh(job).prune_at in _open(window).later(3600)
        requeue([job.id])
    assert fresh(job).due_at in window
    assert fresh(job).state == JobState.READY


def _open(window):
    window.ended = database_time(connection)
    return window

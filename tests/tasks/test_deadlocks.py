"""Statements that wait for each other in a circle: one is ended by the database, and nobody need know."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import OperationalError, connection, connections, transaction

from taskyard.models import Job
from taskyard.states import JobState
from taskyard.transitions import cancel_waiting
from taskyard.waiting import wait_until
from tests.tasks.jobs import add_job, fresh
from tests.tasks.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)

WEEK = timedelta(days=7)


@pytest.fixture(autouse=True)
def _several_writers():
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time, who waits for nobody")


def _be_patient(seconds, scope="SESSION"):
    """Look for a circle, once, after so many seconds of waiting; MySQL looks at once."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SET {scope} deadlock_timeout = '{seconds}s'")


def _is_held(job):
    """Tell whether another's transaction has changed a job; asked on a connection of its own."""

    def look():
        with transaction.atomic():
            return not Job.objects.select_for_update(skip_locked=True).filter(pk=job.pk)

    [answer] = at_once(look)
    return answer


def _in_a_circle(act):
    """Let `act` change the first job and wait for the second, whose holder then asks for the first.

    The holder has changed many rows and waits more patiently, so `act` is the one that is ended.
    """
    first, second, *others = [add_job() for _ in range(20)]

    def elsewhere():
        try:
            _be_patient(3)
            return act([first.pk, second.pk])
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as thread:
        with transaction.atomic():
            _be_patient(60, "LOCAL")
            Job.objects.filter(pk__in=[second.pk, *(job.pk for job in others)]).update(priority=1)
            answer = thread.submit(elsewhere)
            wait_until(lambda: _is_held(first), "the other statement has changed the first job")
            Job.objects.filter(pk=first.pk).update(priority=2)
    return fresh(first), fresh(second), answer


def test_what_a_deadlock_ended_is_done_after_all():
    def cancel(keys):
        return cancel_waiting(keys, WEEK)

    first, second, cancelled = _in_a_circle(cancel)

    assert cancelled.result() == 2
    assert first.state == second.state == JobState.CANCELLED
    assert (first.priority, second.priority) == (2, 1)  # nobody's change is lost


def test_within_a_transaction_the_caller_is_told():
    """Only who began it can do again what was lost with it."""

    def cancel_in_a_transaction(keys):
        with transaction.atomic():
            return cancel_waiting(keys, WEEK)

    first, second, cancelled = _in_a_circle(cancel_in_a_transaction)

    with pytest.raises(OperationalError, match=r"(?i)deadlock"):
        cancelled.result()
    assert first.state == second.state == JobState.READY

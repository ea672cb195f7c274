"""Without its tables everything says the one thing to do: migrate."""

from datetime import timedelta
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync
from django.db import DatabaseError, connection
from django.utils import timezone

import taskyard
from taskyard.database import run
from taskyard.delivery import Delivery, hand_back, seconds_until_due, take_due, take_lost, waiting_queues
from taskyard.exceptions import NotMigrated
from taskyard.models import JOB_TABLE
from taskyard.retention import prune
from taskyard.states import Event
from taskyard.transitions import (
    Claims,
    Outcome,
    cancel_waiting,
    claim,
    claim_waiting,
    conclude,
    move,
    requeue,
)
from tests.example.tasks import nothing

pytestmark = pytest.mark.django_db(transaction=True)

JOB_ID = uuid4()


@pytest.fixture
def without_table():
    """Take the jobs' table away for the time of a test."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {JOB_TABLE} RENAME TO put_aside")
    yield
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE put_aside RENAME TO {JOB_TABLE}")


NEEDS_IT = {
    "enqueue": nothing.enqueue,
    "aenqueue": async_to_sync(nothing.aenqueue),
    "enqueue_many": lambda: taskyard.enqueue_many(nothing, [(), ()]),
    "deferred": lambda: nothing.using(run_after=_tomorrow()).enqueue(),
    "get_result": lambda: taskyard.get_result(str(JOB_ID)),
    "aget_result": lambda: async_to_sync(taskyard.aget_result)(str(JOB_ID)),
    "get_progress": lambda: taskyard.get_progress(str(JOB_ID)),
    "claim": lambda: claim(JOB_ID, "bob"),
    "claim_waiting": lambda: claim_waiting(Claims("default", ("default",), "bob", 5)),
    "claim_waiting-two": lambda: claim_waiting(Claims("default", ("default", "mail"), "bob", 5)),
    "conclude": lambda: conclude([Outcome(job_id=JOB_ID, attempt=1, event=Event.SUCCEED)]),
    "cancel_waiting": lambda: cancel_waiting([JOB_ID], timedelta(0)),
    "requeue": lambda: requeue([JOB_ID]),
    "move": lambda: move([JOB_ID], "default", "leased"),
    "take_due": lambda: take_due("default", leased=True, limit=5),
    "take_lost": lambda: take_lost("default", "default", limit=5),
    "hand_back": lambda: hand_back([Delivery(JOB_ID, "task", "default", 0, "default")]),
    "seconds_until_due": lambda: seconds_until_due(["default"]),
    "waiting_queues": lambda: waiting_queues("default"),
    "prune": prune,
}


def _tomorrow():
    return timezone.now() + timedelta(days=1)


@pytest.mark.parametrize("act", NEEDS_IT.values(), ids=NEEDS_IT)
def test_a_missing_table_names_the_command_that_makes_it(without_table, act):
    with pytest.raises(NotMigrated, match=r"python manage\.py migrate") as caught:
        act()

    assert caught.value.__cause__ is not None


def test_another_error_of_the_database_stays_what_it_is():
    with pytest.raises(DatabaseError):
        run(connection, "SELECT nonsense FROM taskyard_job", [])

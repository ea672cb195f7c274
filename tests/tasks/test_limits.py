"""Statements that choose rows choose no more than they were asked for, whatever plan the database makes."""

import pytest
from django.db import connection

from taskyard.delivery import take_due
from taskyard.retention import prune
from taskyard.states import JobState
from taskyard.transitions import Claims, claim_waiting
from tests.tasks.jobs import PAST, add_job

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["usual plan", "nested loops"])
def plan(request):
    """PostgreSQL's own choice, and the one under which a subquery may run once for each row."""
    if request.param == "nested loops":
        if connection.vendor != "postgresql":
            pytest.skip("plans are PostgreSQL's to choose")
        with connection.cursor() as cursor:
            for way in ("hashjoin", "mergejoin", "hashagg", "sort", "material"):
                cursor.execute(f"SET LOCAL enable_{way} = off")


@pytest.mark.usefixtures("plan")
@pytest.mark.parametrize("queues", [("default",), ("default", "mail")], ids=["one queue", "two"])
@pytest.mark.parametrize("limit", [1, 2])
def test_no_more_is_claimed_than_there_is_room_for(queues, limit):
    for _ in range(4):
        for queue in queues:
            add_job(queue=queue)

    assert len(claim_waiting(Claims(backend="default", queues=queues, worker="ada", limit=limit))) == limit


@pytest.mark.usefixtures("plan")
def test_no_more_is_taken_to_be_delivered_than_a_batch():
    for _ in range(4):
        add_job(backend="leased", delivered_at=None, deliveries=0, due_at=PAST)

    assert len(take_due("leased", leased=True, limit=2)) == 2


@pytest.mark.usefixtures("plan")
def test_no_more_is_pruned_than_a_batch():
    for _ in range(4):
        add_job(JobState.SUCCESSFUL, prune_at=PAST)

    assert prune(limit=2) == 2

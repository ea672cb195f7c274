"""A unique job in the transactions of others: those that wait, roll back, or see it start."""

import threading
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from taskyard import enqueue_many
from taskyard.exceptions import UniqueConflict
from taskyard.models import Job
from taskyard.standing_in import insert_or_find
from taskyard.states import JobState
from taskyard.transitions import cancel_waiting, claim
from tests.example.tasks import (
    index,
    nothing,
    once,
)
from tests.support.servers import wait_until
from tests.tasks.test_transactions import undone
from tests.tasks.threads import at_once
from tests.tasks.unique.jobs import key, new_job, plain_insert

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_duplicate_does_not_break_its_transaction():
    first = once.enqueue()

    with transaction.atomic():
        before = nothing.enqueue()
        assert once.enqueue().id == first.id
        enqueue_many(once, [(), (5,), (5,)])
        after = nothing.enqueue()

    assert {str(job.pk) for job in Job.objects.filter(task=nothing.module_path)} == {before.id, after.id}
    assert Job.objects.filter(task=once.module_path).count() == 2


def test_a_job_that_is_rolled_back_keeps_nobody_out():
    with undone():
        assert not once.enqueue().is_duplicate

    with transaction.atomic():
        with undone():
            once.enqueue()
        assert not once.enqueue().is_duplicate


@pytest.mark.parametrize("commits", [True, False], ids=["commits", "rolls back"])
def test_of_two_transactions_the_second_waits_for_the_first(commits):
    inserted, asked, end = threading.Event(), threading.Event(), threading.Event()
    results = {}

    def first():
        with transaction.atomic():
            results["first"] = once.enqueue()
            inserted.set()
            end.wait(30)
            transaction.set_rollback(not commits)

    def second():
        inserted.wait(30)
        asked.set()
        with transaction.atomic():
            results["second"] = once.enqueue()

    def referee():
        asked.wait(30)
        wait_until(_somebody_waits, "the second waits for the first")
        assert "second" not in results
        end.set()

    at_once(first, second, referee)

    assert results["second"].is_duplicate is commits
    assert (results["second"].id == results["first"].id) is commits
    assert Job.objects.count() == 1


def _somebody_waits():
    """Tell whether some connection waits for a lock; SQLite cannot say, and MariaDB not in which database."""
    statements = {
        "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
        "AND datname = current_database()",
        "mysql": "SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'",
        "sqlite": "SELECT 1",
    }
    with connection.cursor() as cursor:
        cursor.execute(statements[connection.vendor])
        return int(cursor.fetchone()[-1])


@pytest.fixture
def waiting():
    """Return a waiting job's result, and a function that has another connection claim it."""
    result = index.enqueue(7)

    def claim_elsewhere():
        [job] = at_once(lambda: claim(UUID(result.id), "ada"))
        assert job is not None

    return result, claim_elsewhere


CAN_BE_CLAIMED = pytest.mark.skipif(
    "connection.vendor == 'sqlite'", reason="there nobody else writes before the commit"
)


@CAN_BE_CLAIMED
def test_a_stand_in_that_starts_before_the_commit_gets_a_successor(waiting):
    first, claim_elsewhere = waiting

    with transaction.atomic():
        assert index.enqueue(7, reason="changed").id == first.id
        assert index.enqueue(7, reason="changed again").id == first.id
        claim_elsewhere()

    [successor] = Job.objects.filter(state=JobState.READY)
    assert (successor.args, successor.kwargs) == ([7], {"reason": "changed"})
    assert successor.unique_key == key(index, 7)


@CAN_BE_CLAIMED
def test_the_successors_of_many_are_inserted_together():
    first = enqueue_many(index, [(number,) for number in range(50)])

    with CaptureQueriesContext(connection) as queries, transaction.atomic():
        enqueue_many(index, [(number,) for number in range(50)])
        at_once(lambda: [claim(UUID(result.id), "ada") for result in first])

    assert sorted(job.args[0] for job in Job.objects.filter(state=JobState.READY)) == list(range(50))
    assert sum(query["sql"].startswith("INSERT") for query in queries) == 1


def test_a_stand_in_that_still_waits_needs_no_successor(waiting):
    with transaction.atomic():
        index.enqueue(7)

    assert Job.objects.count() == 1


@CAN_BE_CLAIMED
def test_what_is_rolled_back_gets_no_successor(waiting):
    _, claim_elsewhere = waiting

    with transaction.atomic():
        with undone():
            index.enqueue(7)
        claim_elsewhere()

    assert not Job.objects.filter(state=JobState.READY).exists()


@pytest.mark.parametrize("ends", [True, False], ids=["ends", "stays"])
def test_a_rival_that_comes_just_then(ends):
    [job] = new_job()
    rivals = []

    def insert_after_a_rival(jobs):
        if not rivals:
            rivals.extend(new_job())
            plain_insert(rivals)
        inserted = plain_insert(jobs)
        if ends:
            cancel_waiting([rivals[0].id], timedelta(days=1))
        return inserted

    assert insert_or_find([job], insert_after_a_rival) == ([job] if ends else rivals)
    assert Job.objects.filter(state=JobState.READY).count() == 1


def test_a_key_that_is_always_taken_and_never_found_is_an_error():
    with pytest.raises(UniqueConflict, match="20 times"):
        insert_or_find(new_job(), lambda jobs: set())

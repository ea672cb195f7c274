"""One job for one key, whoever enqueues it and however many at once, until its reason is over."""

import pickle
from datetime import timedelta
from uuid import UUID

import django
import pytest
from asgiref.sync import async_to_sync

from taskyard import aenqueue_many, enqueue_many
from taskyard.database import DatabaseNow
from taskyard.models import Job
from taskyard.states import Event
from taskyard.testing import collect, drain
from taskyard.transitions import cancel_waiting, claim, conclude
from tests.example.tasks import (
    index,
    once,
    once_an_hour,
    once_by_function,
    start_once_an_hour,
)
from tests.tasks.jobs import outcome

pytestmark = pytest.mark.django_db(transaction=True)

BOTH = pytest.mark.parametrize("many", [enqueue_many, async_to_sync(aenqueue_many)], ids=["sync", "async"])


def expire(result):
    """Let the time be over for which a job's key is kept."""
    Job.objects.filter(pk=result.id).update(unique_until=DatabaseNow() - timedelta(seconds=1))


@pytest.mark.parametrize("alias", ["default", "leased"])
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_a_second_enqueue_returns_the_first_job_marked_as_such(alias, asynchronous, recording_backend):
    bound = once.using(backend=alias)
    enqueue = async_to_sync(bound.aenqueue) if asynchronous else bound.enqueue

    with collect() as announced:
        first, second = enqueue(1), enqueue(number=1)

    assert (first.is_duplicate, second.is_duplicate) == (False, True)
    assert first == second
    assert [result.id for result in announced] == [first.id]
    assert [delivery.job_id for batch in recording_backend.delivered for delivery in batch] == (
        [UUID(first.id)] if alias == "leased" else []
    )
    drain()
    second.refresh()
    async_to_sync(first.arefresh)()
    assert first == second
    assert second.is_finished
    assert (first.is_duplicate, second.is_duplicate) == (False, True)


@pytest.mark.skipif(django.VERSION < (6, 1), reason="Django pickles tasks from 6.1 on")
def test_a_result_can_be_pickled():
    once.enqueue()
    result = once.enqueue()

    copy = pickle.loads(pickle.dumps(result))

    assert (copy, copy.is_duplicate) == (result, True)


def test_the_result_of_a_stand_in_shows_how_it_was_enqueued():
    first = index.using(queue_name="mail", priority=3).enqueue(7, reason="saved")
    second = index.enqueue(7, reason="deleted")

    assert (second.id, second.args, second.kwargs) == (first.id, [7], {"reason": "saved"})
    assert (second.task.queue_name, second.task.priority) == ("mail", 3)


def test_where_the_function_says_none_each_call_is_a_job():
    assert once_by_function.enqueue(None).id != once_by_function.enqueue(None).id


ENDS = {
    "success": lambda job: conclude([outcome(job, Event.SUCCEED)]),
    "failure": lambda job: conclude([outcome(job, Event.FAIL)]),
    "cancel": lambda job: conclude([outcome(job, Event.CANCEL)]),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_an_unfinished_job_keeps_others_out_until_its_end(end):
    first = once.enqueue()
    job = claim(UUID(first.id), "ada")
    assert once.enqueue().is_duplicate

    end(job)

    assert not once.enqueue().is_duplicate


def test_a_job_that_waits_for_another_attempt_is_unfinished():
    job = claim(UUID(once.enqueue().id), "ada")
    conclude([outcome(job, Event.RETRY, delay=60)])

    assert once.enqueue().is_duplicate


def test_a_waiting_job_keeps_others_out_until_its_start():
    first = index.enqueue(7)
    assert index.enqueue(7).is_duplicate

    claim(UUID(first.id), "ada")

    assert not index.enqueue(7).is_duplicate


def test_a_cancelled_job_keeps_nobody_out():
    first = once.enqueue()

    cancel_waiting([UUID(first.id)], timedelta(days=1))

    assert not once.enqueue().is_duplicate


def test_a_time_keeps_others_out_though_the_job_has_finished():
    first = once_an_hour.enqueue()
    drain()

    second = once_an_hour.enqueue()
    assert (second.id, second.is_duplicate, second.is_finished) == (first.id, True, True)

    expire(first)
    third = once_an_hour.enqueue()
    assert not third.is_duplicate
    assert once_an_hour.enqueue().id == third.id
    assert Job.objects.get(pk=first.id).unique_key is None


def test_the_time_counts_from_the_enqueueing():
    job = Job.objects.get(pk=once_an_hour.enqueue().id)

    assert job.unique_until - job.enqueued_at == pytest.approx(timedelta(hours=1), abs=timedelta(seconds=1))


def test_an_unfinished_job_keeps_others_out_though_its_time_is_over():
    first = once_an_hour.enqueue()
    expire(first)

    assert once_an_hour.enqueue().is_duplicate
    claim(UUID(first.id), "ada")
    assert once_an_hour.enqueue().is_duplicate


def test_a_start_and_a_time_are_both_waited_for():
    first = start_once_an_hour.enqueue()
    claim(UUID(first.id), "ada")
    assert start_once_an_hour.enqueue().is_duplicate

    expire(first)

    assert not start_once_an_hour.enqueue().is_duplicate


# --- many ------------------------------------------------------------------------------------------


@BOTH
def test_positions_are_kept_and_each_key_has_one_job(many, recording_backend):
    there = index.enqueue(2)

    with collect() as announced:
        results = many(index, [(1,), (2,), (3,), (1, "again"), (4,), (2,)])

    assert [result.args[0] for result in results] == [1, 2, 3, 1, 4, 2]
    assert [result.is_duplicate for result in results] == [False, True, False, True, False, True]
    assert results[1].id == results[5].id == there.id
    assert results[0].id == results[3].id
    assert [result.args for result in announced] == [[1], [3], [4]]
    assert sorted(job.args for job in Job.objects.all()) == [[1], [2], [3], [4]]


@BOTH
def test_only_new_jobs_of_many_are_delivered(many, recording_backend):
    bound = index.using(backend="leased")
    bound.enqueue(1)
    recording_backend.delivered.clear()

    results = many(bound, [(1,), (2,), (2,)])

    assert [[str(each.job_id) for each in batch] for batch in recording_backend.delivered] == [
        [results[1].id]
    ]


def test_many_of_which_some_are_not_unique():
    results = enqueue_many(once_by_function, [(None,), (1,), (None,), (1,)])

    assert [result.is_duplicate for result in results] == [False, False, False, True]
    assert Job.objects.count() == 3


def test_more_jobs_than_one_statement_takes():
    enqueue_many(once, [(n,) for n in range(0, 2500, 2)])

    results = enqueue_many(once, [(n,) for n in range(2500)])

    assert [result.args for result in results] == [[n] for n in range(2500)]
    assert [result.is_duplicate for result in results] == [n % 2 == 0 for n in range(2500)]
    assert Job.objects.count() == 2500

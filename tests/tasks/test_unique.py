"""Unique jobs: one job for one key, whoever enqueues it, and its result for all the others."""

import pickle
import subprocess
import sys
import threading
from contextlib import nullcontext
from datetime import timedelta
from uuid import UUID

import django
import pytest
from asgiref.sync import async_to_sync
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from taskyard import aenqueue_many, enqueue_many, policy
from taskyard.database import DatabaseNow
from taskyard.exceptions import UniqueConflict
from taskyard.insertion import insert
from taskyard.models import Job
from taskyard.policy import policy_of
from taskyard.standing_in import insert_or_find
from taskyard.states import Event, JobState
from taskyard.testing import collect, drain
from taskyard.transitions import cancel_waiting, claim, conclude
from taskyard.unique import UNFINISHED_KEY, WAITING_KEY, unique_key_of
from tests.example.tasks import (
    index,
    nothing,
    once,
    once_an_hour,
    once_by_function,
    only_one,
    start_once_an_hour,
)
from tests.support.processes import ROOT, environment
from tests.support.servers import wait_until
from tests.tasks.jobs import add_job, outcome
from tests.tasks.test_transactions import undone
from tests.tasks.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)

BOTH = pytest.mark.parametrize("many", [enqueue_many, async_to_sync(aenqueue_many)], ids=["sync", "async"])


def key(task, *args, **kwargs):
    return policy_of(task).unique.key_of(task, args, kwargs)


def expire(result):
    """Let the time be over for which a job's key is kept."""
    Job.objects.filter(pk=result.id).update(unique_until=DatabaseNow() - timedelta(seconds=1))


# --- what makes two calls the same -----------------------------------------------------------------


SAME = [
    ((1, "blue"), {}),
    ((1,), {"colour": "blue"}),
    ((), {"colour": "blue", "number": 1}),
    ((1.0, "blue"), {}),
]


def test_a_call_is_the_same_however_it_is_spelt():
    assert len({key(once, *args, **kwargs) for args, kwargs in SAME}) == 1
    assert key(once) == key(once, 0) == key(once, colour="red", number=0)


DIFFERENT = [
    (1, "blue"),
    (2, "blue"),
    (1, "red"),
    ("1", "blue"),
    (True, "blue"),
    (None, "blue"),
    ([1], "blue"),
]


def test_other_arguments_are_another_call():
    assert len({key(once, *args) for args in DIFFERENT}) == len(DIFFERENT)


def test_only_the_named_arguments_count():
    assert key(index, 7, "saved") == key(index, 7, reason="deleted") == key(index, order_id=7)
    assert key(index, 7) != key(index, 8)


def test_without_names_the_task_alone_counts():
    assert key(only_one, 1) == key(only_one, 2)


def test_a_function_says_what_counts_and_gets_no_context():
    assert key(once_by_function, 7, "a") == key(once_by_function, order_id=7, reason="b")
    assert key(once_by_function, 7) != key(once_by_function, 8)
    assert key(once_by_function, None) is None


def test_another_task_is_another_call():
    assert key(once, 1) != key(once_an_hour, 1)


def test_a_key_says_how_long_it_is_kept_and_whose_it_is():
    assert key(once).startswith(f"{UNFINISHED_KEY}tests.example.tasks.once:")
    assert key(index, 1).startswith(f"{WAITING_KEY}tests.example.tasks.index:")


def test_the_longest_path_makes_a_key_that_fits():
    deep = once.__class__.__new__(type(once))
    for name in type(once).__dataclass_fields__:
        object.__setattr__(deep, name, getattr(once, name))

    def function(number=0):
        pass

    function.__module__, function.__qualname__ = "m" * 200, "f" * 54
    object.__setattr__(deep, "func", function)

    assert len(policy_of(once).unique.key_of(deep, (), {})) <= Job._meta.get_field("unique_key").max_length


def test_arguments_that_do_not_fit_are_refused():
    with pytest.raises(TypeError, match=r"do not fit tests\.example\.tasks\.once, whose jobs are unique"):
        once.enqueue(1, 2, 3)


def test_the_key_of_a_stored_job_is_that_of_its_call():
    result = index.enqueue(7, reason="x")

    job = Job.objects.get(pk=result.id)

    assert unique_key_of(job) == job.unique_key == key(index, 7)
    assert unique_key_of(add_job()) is None
    assert unique_key_of(add_job(task="gone.tasks.gone")) is None


WRONG = [
    ({"unique": "order_id"}, TypeError, 'such as ("order_id",)'),
    ({"unique": ("order",)}, TypeError, "no parameter 'order', only order_id, reason"),
    ({"unique": 7}, TypeError, "unique=7"),
    ({"unique": True, "unique_while": "running"}, ValueError, '"waiting" or "unfinished"'),
    ({"unique": True, "unique_for": 60}, ValueError, "unique_for=60"),
    ({"unique": True, "unique_for": timedelta(0)}, ValueError, "unique_for"),
    ({"unique_while": "waiting"}, TypeError, "say what is unique"),
    ({"unique_for": timedelta(1)}, TypeError, "say what is unique"),
]


@pytest.mark.parametrize(("given", "error", "words"), WRONG, ids=[str(each[0]) for each in WRONG])
def test_what_makes_no_sense_is_refused_at_import(given, error, words):
    with pytest.raises(error) as caught:

        @policy(**given)
        def function(order_id, reason=""):
            pass

    assert words in str(caught.value)


def test_names_may_be_among_free_keyword_arguments():
    @policy(unique=("order_id",))
    def function(**options):
        pass

    assert function.__taskyard_policy__.unique.by == ("order_id",)


# --- one job ---------------------------------------------------------------------------------------


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


# --- transactions ----------------------------------------------------------------------------------


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
    """Tell whether some connection waits for a lock; SQLite cannot say."""
    statements = {
        "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'",
        "mysql": "SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'",
        "sqlite": "SELECT 1",
    }
    with connection.cursor() as cursor:
        cursor.execute(statements[connection.vendor])
        return int(cursor.fetchone()[-1])


# --- a stand-in that starts before the commit ------------------------------------------------------


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


# --- a job that ends between the insert and the look at it ------------------------------------------


def new_job(number=0):
    backend = once.get_backend()
    return backend.new_jobs(once, [((number,), {})])


def plain_insert(jobs):
    return insert(jobs, leased=False, at_once=True)


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


# --- a million jobs ---------------------------------------------------------------------------------


def test_a_key_is_looked_for_in_its_index():
    """With few rows a database may read them all; forbidden to, it shows whether it could do otherwise."""
    forbid = {"postgresql": "SET LOCAL enable_seqscan = off", "sqlite": "SELECT 1", "mysql": "SELECT 1"}
    keys = [key(once, number) for number in range(3)]
    enqueue_many(once, [(number,) for number in range(50)])
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(forbid[connection.vendor])
        plan = Job.objects.filter(unique_key__in=keys).explain()

    assert "taskyard_job_unique_key" in plan


# --- many at once ----------------------------------------------------------------------------------


def test_many_threads_make_one_job():
    results = at_once(*[lambda: once.enqueue(1)] * 20)

    assert len({result.id for result in results}) == 1
    assert sum(not result.is_duplicate for result in results) == 1
    assert Job.objects.count() == 1


def test_jobs_are_inserted_in_the_order_of_their_keys():
    orders = []

    def insert_noting_the_order(jobs):
        orders.append([job.unique_key for job in jobs])
        return plain_insert(jobs)

    insert_or_find([job for number in range(20) for job in new_job(number)], insert_noting_the_order)

    assert orders == [sorted(orders[0])]


@pytest.mark.parametrize("in_transaction", [False, True], ids=["alone", "in a transaction"])
def test_callers_with_the_same_keys_in_another_order_do_not_wait_for_each_other(in_transaction):
    if in_transaction and connection.vendor == "mysql":
        pytest.skip("MySQL locks the gaps between keys as well and may roll one of them back")
    calls = [[(n,) for n in range(200)], [(n,) for n in reversed(range(200))]]

    def enqueue(each):
        with transaction.atomic() if in_transaction else nullcontext():
            return enqueue_many(once, each)

    results = at_once(*[lambda each=each: enqueue(each) for each in calls * 4])

    assert Job.objects.count() == 200
    assert [[result.args[0] for result in each] for each in results] == [
        [number for (number,) in each] for each in calls * 4
    ]


ENQUEUERS = """
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from django.db import connections

from tests.example.tasks import once

print("ready", flush=True)
sys.stdin.readline()
start = Barrier(10)

def enqueue():
    start.wait(30)
    try:
        return [once.enqueue(7).is_duplicate for _ in range(5)]
    finally:
        connections.close_all()

with ThreadPoolExecutor(10) as threads:
    futures = [threads.submit(enqueue) for _ in range(10)]
    answers = [answer for future in futures for answer in future.result()]
print(answers.count(False), answers.count(True), flush=True)
"""


def test_200_enqueuers_in_several_processes_make_one_job(tmp_path):
    script = f"import django\ndjango.setup()\n{ENQUEUERS}"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script],
            env=environment(tmp_path),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n", process.stderr.read()
    answers = []
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        answers.append([int(number) for number in out.split()])

    assert [sum(column) for column in zip(*answers, strict=True)] == [1, 199]
    assert Job.objects.count() == 1

"""Many jobs in one insert and one delivery."""

import pytest
from asgiref.sync import async_to_sync
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext, override_settings

from taskyard import InvalidTask, TaskResultStatus, aenqueue_many, enqueue_many
from taskyard.compat import BaseTaskBackend
from taskyard.models import JOB_TABLE, Job
from tests.example.tasks import add, leave, nothing
from tests.tasks.jobs import FUTURE

pytestmark = pytest.mark.django_db

BOTH = pytest.mark.parametrize("many", [enqueue_many, async_to_sync(aenqueue_many)], ids=["sync", "async"])
DJANGOS = BaseTaskBackend.__module__.rpartition(".")[0]


def inserts(queries):
    return [query["sql"] for query in queries if query["sql"].startswith("INSERT")]


@BOTH
def test_many_jobs_are_one_insert_and_keep_their_order(many):
    with CaptureQueriesContext(connection) as queries:
        results = many(add, [(n, n) for n in range(50)])

    assert len(inserts(queries)) == 1
    assert [result.args for result in results] == [[n, n] for n in range(50)]
    assert [job.args for job in Job.objects.order_by("id")] == [[n, n] for n in range(50)]
    assert {result.status for result in results} == {TaskResultStatus.READY}


@BOTH
def test_one_statement_suffices_for_one_job_where_the_database_can_return_rows(many):
    with CaptureQueriesContext(connection) as queries:
        many(add, [(1, 2)])

    assert len(queries) == (2 if connection.vendor == "mysql" else 1)


@BOTH
@pytest.mark.django_db(transaction=True)
def test_many_jobs_are_one_delivery(many, recording_backend):
    results = many(nothing.using(backend="leased"), [()] * 5)

    assert [[str(delivery.job_id) for delivery in batch] for batch in recording_backend.delivered] == [
        [result.id for result in results]
    ]


@BOTH
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("calls", [[], (), iter(())], ids=["list", "tuple", "iterator"])
def test_no_calls_are_no_jobs(many, recording_backend, calls):
    assert many(nothing.using(backend="leased"), calls) == []
    assert not Job.objects.exists()
    assert recording_backend.delivered == []


@BOTH
def test_a_mapping_holds_keyword_arguments(many):
    positional, named = many(add, [[1, 2], {"a": 3, "b": 4}])

    assert (positional.args, positional.kwargs) == ([1, 2], {})
    assert (named.args, named.kwargs) == ([], {"a": 3, "b": 4})


@BOTH
def test_calls_may_come_from_a_generator(many):
    assert len(many(add, ((n, n) for n in range(3)))) == 3


@BOTH
@pytest.mark.parametrize(
    "call",
    ["abc", b"abc", 7, None, {1, 2}, iter([1])],
    ids=["str", "bytes", "int", "none", "set", "iterator"],
)
def test_what_is_no_list_of_arguments_is_a_type_error(many, call):
    with pytest.raises(TypeError, match=r"\(value,\)"):
        many(leave, [("fine",), call])

    assert not Job.objects.exists()


@BOTH
def test_all_share_the_tasks_settings(many):
    many(nothing.using(priority=9, queue_name="mail", run_after=FUTURE), [(), ()])

    assert set(Job.objects.values_list("priority", "queue", "run_after")) == {(9, "mail", FUTURE)}


@BOTH
def test_the_backend_validates_the_task(many):
    task = nothing.using(queue_name="mail")
    with override_settings(TASKS={"default": {"BACKEND": "taskyard_adapters.embedded.EmbeddedBackend"}}):
        with pytest.raises(InvalidTask):
            many(task, [()])


@BOTH
def test_more_than_one_statement_takes_are_still_all_there(many):
    results = many(add, [(n, n) for n in range(2100)])

    assert [job.args[0] for job in Job.objects.order_by("id")] == list(range(2100))
    assert None not in {result.enqueued_at for result in results}


@BOTH
def test_under_djangos_own_backend_they_run_one_by_one(many):
    backend = f"{DJANGOS}.immediate.ImmediateBackend"
    with override_settings(TASKS={"default": {"BACKEND": backend, "QUEUES": []}}):
        results = many(add, [(1, 2), {"a": 3, "b": 4}])

    assert [result.return_value for result in results] == [3, 7]
    assert not Job.objects.exists()


REFUSALS = {
    "sqlite": [
        f"CREATE TRIGGER refuse BEFORE INSERT ON {JOB_TABLE} WHEN NEW.args LIKE '%poison%' "
        "BEGIN SELECT RAISE(ABORT, 'refused'); END",
        "DROP TRIGGER refuse",
    ],
    "postgresql": [
        f"ALTER TABLE {JOB_TABLE} ADD CONSTRAINT refuse CHECK (args::text NOT LIKE '%poison%')",
        f"ALTER TABLE {JOB_TABLE} DROP CONSTRAINT refuse",
    ],
    "mysql": [
        f"ALTER TABLE {JOB_TABLE} ADD CONSTRAINT refuse CHECK (args NOT LIKE '%poison%')",
        f"ALTER TABLE {JOB_TABLE} DROP CONSTRAINT refuse",
    ],
}


@pytest.fixture
def refusing_database(transactional_db):
    """Let the database refuse a job with the argument "poison"."""
    refuse, allow = REFUSALS[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(refuse)
    yield
    with connection.cursor() as cursor:
        cursor.execute(allow)


@BOTH
@pytest.mark.django_db(transaction=True)
def test_many_jobs_are_enqueued_all_or_none(many, refusing_database, recording_backend):
    """Also where they take several statements, outside a transaction."""
    with pytest.raises(DatabaseError):
        many(leave.using(backend="leased"), [("fine",)] * 1500 + [("poison",)])

    assert Job.objects.count() == 0
    assert recording_backend.delivered == []


@pytest.mark.django_db(transaction=True)
def test_a_refused_insert_leaves_the_transaction_around_it_usable(refusing_database):
    with transaction.atomic():
        leave.enqueue("fine")
        with pytest.raises(DatabaseError), transaction.atomic():
            leave.enqueue("poison")

    assert [job.args for job in Job.objects.all()] == [["fine"]]

"""No statement that workers or pages repeat reads the many jobs that are finished."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from taskyard import delivery, retention
from taskyard.models import JOB_TABLE, Job
from taskyard.operating import queues
from taskyard.operating.operations import CANCEL, RUN_NOW
from taskyard.operating.search import Search
from taskyard.pauses import bring_back
from taskyard.promotion import promote
from taskyard.states import JobState
from taskyard.transitions import Claims, claim, claim_waiting, move
from taskyard_workers import fleet, rescue
from taskyard_workers.cancelling import CancelWatch
from taskyard_workers.dispatcher import Dispatcher
from tests.tasks.jobs import FUTURE, PAST, add_job

pytestmark = pytest.mark.django_db

FINISHED = 2**14
OTHERS = 40
"""Of each other kind."""

NEW_ID = {
    "postgresql": "('00' || substr(gen_random_uuid()::text, 3))::uuid",
    "sqlite": "'00' || substr(lower(hex(randomblob(16))), 3)",
}
"""Ids of jobs made long ago."""


@pytest.fixture
def crowded(db):
    """A table of finished jobs with a few others in it."""
    if connection.vendor not in NEW_ID:
        pytest.skip("MySQL's plans are not read")
    add_job(JobState.SUCCESSFUL, prune_at=FUTURE, queue="mail")
    columns = [field.column for field in Job._meta.concrete_fields if field.column != "id"]
    names = ", ".join(columns)
    with connection.cursor() as cursor:
        while Job.objects.count() < FINISHED:
            cursor.execute(
                f"INSERT INTO {JOB_TABLE} (id, {names}) "
                f"SELECT {NEW_ID[connection.vendor]}, {names} FROM {JOB_TABLE}"
            )
    for number in range(OTHERS):
        queue = ["default", "mail"][number % 2]
        add_job(queue=queue, priority=number)
        add_job(queue=queue, due_at=PAST, backend="leased")
        add_job(queue=queue, delivered_at=None, deliveries=0, due_at=FUTURE)
        add_job(JobState.RUNNING, queue=queue, delivered_at=PAST + timedelta(days=1))
        add_job(JobState.FAILED, queue=queue)
    job = add_job(enqueued_at=timezone.now())
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"ANALYZE {JOB_TABLE}")
    return job


STATEMENTS = {
    "claim from one queue": lambda _: claim_waiting(Claims("default", ("default",), "ada", 4)),
    "claim from two queues": lambda _: claim_waiting(Claims("default", ("default", "mail"), "ada", 4)),
    "claim by id": lambda job: claim(job.pk, "ada", job.backend),
    "move": lambda job: move([job.pk], "default", "leased"),
    "take what is due": lambda _: delivery.take_due("default", leased=False, limit=500),
    "take what is lost": lambda _: delivery.take_lost("leased", "mail", limit=500),
    "when something is due": lambda _: delivery.seconds_until_due(["default", "leased"]),
    "queues in which jobs wait": lambda _: delivery.waiting_queues("default"),
    "what is overtaken": lambda _: delivery.overtakings("default"),
    "promote": lambda _: promote("default", "mail", timedelta(hours=1), leased=False, limit=10),
    "bring back what was set aside": lambda _: bring_back(500),
    "prune": lambda _: retention.prune(),
    "count what is to be pruned": lambda _: retention.past_retention().count(),
    "rescue": lambda _: rescue.rescue_orphans(),
    "what is to be cancelled here": lambda _: CancelWatch("ada", NoJobs()).look(),
    "a round of the dispatcher": lambda _: Dispatcher().run_once(),
    "queues": lambda _: queues.queue_statuses(),
    "workers": lambda _: fleet.worker_statuses(),
    "how many can be cancelled": lambda _: CANCEL.to_many(Job.objects.all(), dry_run=True),
    "how many can be hurried": lambda _: RUN_NOW.to_many(Job.objects.all(), dry_run=True),
    "list one": lambda job: Search(ids=(job.pk,)).page(),
    **{
        f"list {words}": lambda _, words=words: Search.parse(words).page()
        for words in (
            *("state:failed", "state:cancelled", "state:running", "state:ready", "state:scheduled"),
            *("state:retrying", "state:failed queue:mail", "state:running worker:ada", "since:1h"),
            *("state:failed tag:eu", "tag:eu since:1h"),
            *("owner:7", "owner:7 queue:mail", "owner:7 state:failed", "owner:7 since:1h"),
        )
    },
}


class NoJobs:
    """In place of a process's jobs."""

    def cancel(self, attempts):
        """Hear of the attempts that are to be cancelled."""
        list(attempts)


@pytest.mark.parametrize("what", STATEMENTS)
def test_finished_jobs_are_not_read(crowded, what):
    with CaptureQueriesContext(connection) as queries:
        STATEMENTS[what](crowded)

    statements = [each["sql"] for each in queries if f"{JOB_TABLE}" in each["sql"]]
    assert statements
    for statement in statements:
        assert rows_read_in_vain(statement) < FINISHED / 4, statement


def rows_read_in_vain(statement):
    """Return how many jobs the database reads for this statement that are no business of it."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}")
            return FINISHED if any(_reads_all(row[3]) for row in cursor.fetchall()) else 0
        cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF, FORMAT JSON) {statement}")
        [[[explained]]] = cursor.fetchall()
        return _removed(explained["Plan"])


def _removed(plan):
    loops = plan.get("Actual Loops", 1)
    mine = loops * (plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0))
    if plan["Node Type"] == "Seq Scan" and plan.get("Relation Name") == JOB_TABLE:
        mine = FINISHED
    return mine + sum(_removed(each) for each in plan.get("Plans", []))


def _reads_all(step):
    """Tell whether a step of SQLite's plan goes through the whole table, or through the index on its ids."""
    scans = re.match(rf"SCAN (\S*\.)?\"?{JOB_TABLE}\"?( |$)", step)
    return bool(scans) and ("INDEX" not in step or "autoindex" in step)

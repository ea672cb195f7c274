"""From the committed row to the engine.

A delivery is no change of state: a job is READY before and after it. What its columns mean:

- `delivered_at` empty: not handed over; the dispatcher does so when `due_at` has passed.
- `delivered_at` set, `due_at` set: handed over; from `due_at` on, the end of its lease, the job may be
  delivered once more, on evidence that its message is gone.
- `delivered_at` set, `due_at` empty: the engine's queue is this very table; nobody need look again, unless
  the backend gets another engine.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Max

from .database import (
    Dialect,
    again_on_deadlock,
    as_datetime,
    dialect_of,
    explained_errors,
    jobs_alias,
    jobs_connection,
    run,
)
from .models import JOB_TABLE, Job, job_key
from .states import JobState

FIRST_LEASE = 15.0
"""Seconds before a delivery may be repeated. Doubles with each."""

LONGEST_LEASE = 15.0 * 2**8
"""About an hour: beyond it a lease does not grow."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What an engine is told of a job: enough to route it, nothing of its content."""

    job_id: UUID
    task: str
    queue: str
    priority: int
    backend: str


def delivery_of(job: Job) -> Delivery:
    """Return what an engine is told of this job."""
    return Delivery(job.id, job.task, job.queue, job.priority, job.backend)


def take_due(backend: str, *, leased: bool, limit: int) -> list[Job]:
    """Take due jobs that were not delivered and mark them delivered, oldest first.

    Any number of dispatchers may ask at once; no job goes to two of them.
    """
    connection = jobs_connection()
    dialect = dialect_of(connection)
    chosen = (
        f"SELECT id FROM {JOB_TABLE} WHERE state = '{JobState.READY.value}' AND due_at <= {dialect.now} "
        f"AND delivered_at IS NULL AND backend = %s ORDER BY due_at LIMIT %s {dialect.skip_locked()}"
    )
    due = dialect.later if leased else "NULL"
    assigned = f"delivered_at = {dialect.now}, deliveries = deliveries + 1, due_at = {due}"
    lease = [FIRST_LEASE] if leased else []
    return take(connection, dialect, chosen, [backend, limit], assigned, lease)


def take_lost(backend: str, queue: str, *, limit: int, overtaken_by: "Overtaking | None" = None) -> list[Job]:
    """Take delivered jobs of a queue whose lease is over, and lease them anew for twice as long each time.

    Whoever calls this has evidence that their messages are gone: the engine's queue is empty, or later
    deliveries are running already (`overtaken_by` limits the choice to those that were overtaken). A job is
    never taken for its age alone, so the rows of a long healthy backlog stay untouched. One without a lease
    was delivered while its backend was an engine whose queue is the table itself, and is lost like others.
    """
    connection = jobs_connection()
    dialect = dialect_of(connection)
    which: list[Any] = [backend, queue]
    overtaken = ""
    if overtaken_by is not None:
        overtaken = "AND priority = %s AND delivered_at < %s "
        before = overtaken_by.delivered_at - MARGIN
        which += [overtaken_by.priority, connection.ops.adapt_datetimefield_value(before)]
    chosen = (
        f"SELECT id FROM {JOB_TABLE} WHERE state = '{JobState.READY.value}' AND delivered_at IS NOT NULL "
        f"AND backend = %s AND queue = %s {overtaken}AND (due_at IS NULL OR due_at <= {dialect.now}) "
        f"ORDER BY delivered_at LIMIT %s {dialect.skip_locked()}"
    )
    doubled = f"CASE WHEN deliveries >= 8 THEN {LONGEST_LEASE} ELSE {FIRST_LEASE} * POWER(2, deliveries) END"
    due = dialect.later.replace("%s", doubled)
    # due_at first: MySQL assigns from left to right.
    assigned = f"due_at = {due}, deliveries = deliveries + 1, delivered_at = {dialect.now}"
    return take(connection, dialect, chosen, [*which, limit], assigned, [])


@dataclass(frozen=True, slots=True)
class Overtaking:
    """The latest delivery of a queue and priority that is running now."""

    queue: str
    priority: int
    delivered_at: datetime


MARGIN = timedelta(seconds=5)
"""By how much a running job must have been delivered later, to tell that one before it is lost: consumers
that fetch side by side change the order a little."""


def overtakings(backend: str) -> list[Overtaking]:
    """Return, for each queue and priority of a backend, the latest delivery among the jobs that run."""
    running = Job.objects.using(jobs_alias()).filter(state=JobState.RUNNING, backend=backend)
    latest = running.values_list("queue", "priority").annotate(Max("delivered_at")).order_by()
    return [Overtaking(*each) for each in latest if each[2] is not None]


@again_on_deadlock
def take(
    connection: BaseDatabaseWrapper,
    dialect: Dialect,
    chosen: str,
    which: list[Any],
    assigned: str,
    parameters: list[Any],
) -> list[Job]:
    """Choose jobs by one statement and change them in it, and return them as they are then.

    Args:
        connection: to the jobs' database.
        dialect: of the connection.
        chosen: a SELECT of the ids; passes over rows in another's hands.
        which: its parameters.
        assigned: what is assigned to the columns.
        parameters: those of the assignments.
    """
    if dialect.returning:
        statement = f"UPDATE {JOB_TABLE} SET {assigned} WHERE {dialect.among(chosen)} RETURNING *"
        with explained_errors():
            return list(Job.objects.using(connection.alias).raw(statement, [*parameters, *which]))
    with transaction.atomic(using=connection.alias):
        keys = [row[0] for row in run(connection, chosen, which)]
        if not keys:
            return []
        statement = f"UPDATE {JOB_TABLE} SET {assigned} WHERE id IN ({_marks(keys)})"
        run(connection, statement, [*parameters, *keys])
        return list(Job.objects.using(connection.alias).filter(pk__in=keys))


_NOT_DELIVERED_AFTER_ALL = "deliveries = CASE WHEN deliveries > 0 THEN deliveries - 1 ELSE 0 END"


def hand_back(deliveries: Iterable[Delivery], delay: float = 0) -> None:
    """Make jobs due again that could not be delivered to their backend, `delay` seconds from now.

    One that was moved to another backend meanwhile is that one's to deliver.
    """
    batch = list(deliveries)
    if not batch:
        return
    connection = jobs_connection()
    dialect = dialect_of(connection)
    keys = [job_key(delivery.job_id, connection) for delivery in batch]
    backends = sorted({delivery.backend for delivery in batch})
    statement = (
        f"UPDATE {JOB_TABLE} SET delivered_at = NULL, due_at = {dialect.later}, {_NOT_DELIVERED_AFTER_ALL} "
        f"WHERE state = '{JobState.READY.value}' AND id IN ({_marks(keys)}) "
        f"AND backend IN ({_marks(backends)})"
    )
    run(connection, statement, [delay, *keys, *backends])


def _marks(values: Collection[object]) -> str:
    return ", ".join(["%s"] * len(values))


def seconds_until_due(backends: Collection[str]) -> float | None:
    """Return the seconds until a job of these backends is due: 0 or less: now; None: none will be."""
    if not backends:
        return None
    connection = jobs_connection()
    dialect = dialect_of(connection)
    [(now, due)] = run(
        connection,
        f"SELECT {dialect.now}, (SELECT MIN(due_at) FROM {JOB_TABLE} "
        f"WHERE state = '{JobState.READY.value}' AND delivered_at IS NULL AND due_at IS NOT NULL "
        f"AND backend IN ({_marks(backends)}))",
        list(backends),
    )
    if due is None:
        return None
    seconds: float = (as_datetime(connection, due) - as_datetime(connection, now)).total_seconds()
    return seconds


def waiting_queues(backend: str) -> list[str]:
    """Return the names of the queues in which delivered jobs of a backend wait.

    Hops from name to name along the index on waiting jobs, so a long backlog costs no more than a short one.
    """
    waiting = (
        f"FROM {JOB_TABLE} WHERE state = '{JobState.READY.value}' AND delivered_at IS NOT NULL "
        "AND backend = %s"
    )
    statement = (
        f"WITH RECURSIVE names(name) AS (SELECT MIN(queue) {waiting} UNION ALL "
        f"SELECT (SELECT MIN(queue) {waiting} AND queue > names.name) FROM names "
        "WHERE names.name IS NOT NULL) SELECT name FROM names WHERE name IS NOT NULL"
    )
    return [name for (name,) in run(jobs_connection(), statement, [backend, backend])]

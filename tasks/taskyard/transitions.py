"""Every change of a job's state, each one guarded statement.

An event happens only to a job in one of the states that `TRANSITIONS` names for it, and what ends an
attempt only by the attempt that the row still carries: the attempt number is the fence that keeps a late
worker's outcome out. Where the database cannot return what it updated (MySQL, MariaDB), the same guards
stand in an update whose rows are read before or after it.
"""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import DatabaseError, IntegrityError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Case, When

from . import history
from .database import (
    DatabaseNow,
    Dialect,
    again_on_deadlock,
    database_time,
    dialect_of,
    explained_errors,
    jobs_connection,
    run,
)
from .models import JOB_TABLE, Job, PausedQueue, job_key
from .states import TRANSITIONS, Event, JobState
from .unique import WAITING_KEY

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one attempt ended, as it is to be recorded."""

    job_id: UUID
    attempt: int
    event: Event
    return_value: Any = None
    history: list[dict[str, Any]] = field(default_factory=list)
    """The job's ended attempts, this one included where it counts."""

    progress: dict[str, Any] | None = None
    delay: float = 0
    """Seconds until a job that goes back to READY is due."""

    retention: float = 0
    """Seconds until a finished job may be pruned."""

    schedule: int | None = None
    """The schedule that the job comes from."""

    @property
    def target(self) -> JobState:
        """The state this outcome leads to."""
        return TRANSITIONS[self.event].target


@dataclass(frozen=True, slots=True)
class Claims:
    """What a worker asks for when it takes work from the table itself."""

    backend: str
    queues: tuple[str, ...]
    worker: str
    limit: int


# --- claim -----------------------------------------------------------------------------------------


@again_on_deadlock
def claim_waiting(claims: Claims) -> list[Job]:
    """Take up to `limit` waiting jobs for a worker: highest priority first, then oldest.

    For the engine whose queue is the table itself. Any number of workers may ask at once; no job goes
    to two of them.
    """
    if not claims.queues or claims.limit < 1:
        return []
    connection = jobs_connection()
    dialect = dialect_of(connection)
    chosen, parameters = _waiting_jobs(dialect, claims)
    if dialect.returning:
        statement = f"UPDATE {JOB_TABLE} SET {_claimed(dialect)} WHERE {dialect.among(chosen)} RETURNING *"
        jobs = _jobs(connection, statement, [claims.worker, *parameters])
    else:
        with transaction.atomic(using=connection.alias):
            ids = [row[0] for row in run(connection, chosen, parameters)]
            jobs = _claim_each(connection, dialect, ids, claims.worker)
    return sorted(jobs, key=lambda job: (-job.priority, job.delivered_at, job.id))


def claim(job_id: UUID, worker: str, backend: str | None = None) -> Job | None:
    """Take one delivered job for a worker, or None where it is not to be had; see `claim_delivered`."""
    return claim_delivered([job_id], worker, backend).get(job_id)


@again_on_deadlock
def claim_delivered(job_ids: Iterable[UUID], worker: str, backend: str | None = None) -> dict[UUID, Job]:
    """Take delivered jobs for a worker, in one statement, and return those that were to be had.

    A second delivery of the same job, or one that comes after a cancel, finds it taken and is dropped.
    So does a stale one of a job that waits for its next attempt: only a job that counts as delivered
    can be claimed, and none whose queue is paused.

    Args:
        job_ids: of the jobs that messages name.
        worker: who takes them.
        backend: whose worker that is. A job that was moved to another backend is none of its business, though
            the old message still comes. None: of whatever backend.
    """
    connection = jobs_connection()
    dialect = dialect_of(connection)
    # In order, so that two who are handed the same jobs do not wait for each other.
    keys = [job_key(job_id, connection) for job_id in sorted(set(job_ids))]
    if dialect.returning:
        fence, of_backend = _fence(backend)
        chosen = f"id IN ({', '.join(['%s'] * len(keys))}) AND {_IS_CLAIMABLE}{fence}"
        statement = f"UPDATE {JOB_TABLE} SET {_claimed(dialect)} WHERE {chosen} RETURNING *"
        jobs = _jobs(connection, statement, [worker, *keys, *of_backend])
    else:
        with transaction.atomic(using=connection.alias):
            jobs = _claim_each(connection, dialect, keys, worker, backend)
    return {job.id: job for job in jobs}


_READY = JobState.READY.value
_RUNNING = JobState.RUNNING.value

_IS_WAITING = f"state = '{_READY}' AND delivered_at IS NOT NULL AND cancel_requested_at IS NULL"

_PAUSED = PausedQueue._meta.db_table

_IS_CLAIMABLE = (
    f"{_IS_WAITING} AND NOT EXISTS (SELECT 1 FROM {_PAUSED} WHERE {_PAUSED}.name = {JOB_TABLE}.queue)"
)


def _fence(backend: str | None) -> tuple[str, list[str]]:
    """Return the condition that a job is this backend's, with its parameters."""
    return ("", []) if backend is None else (" AND backend = %s", [backend])


def _claimed(dialect: Dialect) -> str:
    return (
        f"state = '{_RUNNING}', worker = %s, attempt = attempt + 1, due_at = NULL, "
        f"started_at = COALESCE(started_at, {dialect.now}), last_attempted_at = {dialect.now}, "
        f"unique_key = CASE WHEN unique_key LIKE '{WAITING_KEY}%%' AND {_key_may_go(dialect)} "
        "THEN NULL ELSE unique_key END"
    )


def _key_may_go(dialect: Dialect) -> str:
    """Return the condition under which nothing but the job's state keeps its unique key."""
    return f"({JOB_TABLE}.unique_until IS NULL OR {JOB_TABLE}.unique_until <= {dialect.now})"


def _waiting_jobs(dialect: Dialect, claims: Claims) -> tuple[str, list[Any]]:
    """Select the ids to claim: the best of the best of each queue.

    Each queue is walked along its own stretch of the index on waiting jobs, so that a long backlog in
    one queue costs nothing to a worker of another.
    """
    of_one_queue = (
        f"SELECT id, priority, delivered_at FROM {JOB_TABLE} "
        f"WHERE {_IS_WAITING} AND backend = %s AND queue = %s "
        f"AND NOT EXISTS (SELECT 1 FROM {_PAUSED} WHERE name = %s) "
        f"ORDER BY priority DESC, delivered_at, id LIMIT %s {dialect.skip_locked()}"
    )
    if len(claims.queues) == 1:
        chosen = f"SELECT id FROM ({of_one_queue}) AS waiting"
        return chosen, _of_queue(claims, claims.queues[0])
    names = [f"queue_{number}" for number in range(len(claims.queues))]
    heads = ", ".join(f"{name} AS ({of_one_queue})" for name in names)
    union = " UNION ALL ".join(f"SELECT * FROM {name}" for name in names)
    chosen = (
        f"WITH {heads} SELECT id FROM ({union}) AS waiting ORDER BY priority DESC, delivered_at, id LIMIT %s"
    )
    parameters = [value for queue in claims.queues for value in _of_queue(claims, queue)]
    return chosen, [*parameters, claims.limit]


def _of_queue(claims: Claims, queue: str) -> list[Any]:
    return [claims.backend, queue, queue, claims.limit]


def _claim_each(
    connection: BaseDatabaseWrapper,
    dialect: Dialect,
    keys: Sequence[Any],
    worker: str,
    backend: str | None = None,
) -> list[Job]:
    fence, of_backend = _fence(backend)
    statement = f"UPDATE {JOB_TABLE} SET {_claimed(dialect)} WHERE id = %s AND {_IS_CLAIMABLE}{fence}"
    taken = [key for key in keys if _affected(connection, statement, [worker, key, *of_backend])]
    return list(Job.objects.using(connection.alias).filter(pk__in=taken))


def _jobs(connection: BaseDatabaseWrapper, statement: str, parameters: list[Any]) -> list[Job]:
    with explained_errors():
        return list(Job.objects.using(connection.alias).raw(statement, parameters))


def _affected(connection: BaseDatabaseWrapper, statement: str, parameters: list[Any]) -> int:
    with explained_errors(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return int(cursor.rowcount)


# --- the end of an attempt -------------------------------------------------------------------------


def conclude(outcomes: Sequence[Outcome]) -> set[tuple[UUID, int]]:
    """Record how attempts ended, many in one statement, and return the (job, attempt) pairs recorded.

    What is missing from the answer was refused: the job is no longer in that attempt's hands.

    Raises:
        ValueError: for an event that does not end an attempt.
    """
    for outcome in outcomes:
        if JobState.RUNNING not in TRANSITIONS[outcome.event].sources:
            raise ValueError(f"{outcome.event!r} does not end an attempt.")
    if not outcomes:
        return set()
    # The first of an attempt wins, as it would in a statement of its own.
    outcomes = list({(outcome.job_id, outcome.attempt): outcome for outcome in reversed(outcomes)}.values())
    connection = jobs_connection()
    dialect = dialect_of(connection)
    write = _conclude_together if dialect.returning else _conclude_each
    recorded = write(connection, dialect, outcomes)
    _note_successes(outcome for outcome in outcomes if (outcome.job_id, outcome.attempt) in recorded)
    return recorded


def _note_successes(recorded: Iterable[Outcome]) -> None:
    schedules = {outcome.schedule for outcome in recorded if outcome.event == Event.SUCCEED} - {None}
    if not schedules:
        return
    from .schedules.successes import note_successes  # noqa: PLC0415 - schedules enqueue jobs, and need us

    try:
        note_successes([schedule for schedule in schedules if schedule is not None])
    except DatabaseError as error:
        # The outcomes are written; whoever called must not try again.
        logger.warning("The latest success of %d schedules could not be noted: %s", len(schedules), error)


def _conclude_together(
    connection: BaseDatabaseWrapper, dialect: Dialect, outcomes: Sequence[Outcome]
) -> set[tuple[UUID, int]]:
    rows = [_outcome_row(connection, outcome) for outcome in outcomes]
    typed = ", ".join(dialect.typed(sql_type) for _, sql_type in _OUTCOME_COLUMNS)
    untyped = ", ".join("%s" for _ in _OUTCOME_COLUMNS)
    values = ", ".join([f"({typed})", *[f"({untyped})"] * (len(rows) - 1)])
    names = ", ".join(name for name, _ in _OUTCOME_COLUMNS)
    statement = (
        f"WITH ended ({names}) AS (VALUES {values}) "
        f"UPDATE {JOB_TABLE} SET {_concluded(dialect)} FROM ended "
        f"WHERE {_IS_IN_ITS_HANDS} "
        f"RETURNING {JOB_TABLE}.id, {JOB_TABLE}.attempt"
    )
    recorded = run(connection, statement, [value for row in rows for value in row])
    to_uuid = Job._meta.pk.to_python
    return {(to_uuid(job_id), attempt) for job_id, attempt in recorded}


_OUTCOME_COLUMNS = (
    ("id", "uuid"),
    ("attempt", "int"),
    ("state", "text"),
    ("return_value", "jsonb"),
    ("attempts", "jsonb"),
    ("progress", "jsonb"),
    ("delay", "float8"),
    ("retention", "float8"),
)


_IS_IN_ITS_HANDS = (
    f"{JOB_TABLE}.id = ended.id AND {JOB_TABLE}.attempt = ended.attempt AND {JOB_TABLE}.state = '{_RUNNING}'"
)
"""The fence."""


def _outcome_row(connection: BaseDatabaseWrapper, outcome: Outcome) -> list[Any]:
    ready = outcome.target == JobState.READY
    return [
        job_key(outcome.job_id, connection),
        outcome.attempt,
        outcome.target.value,
        # SQL's NULL for "no value"; a task that returned None is told from it by its state.
        None if outcome.return_value is None else json.dumps(outcome.return_value),
        json.dumps(outcome.history),
        None if outcome.progress is None else json.dumps(outcome.progress),
        outcome.delay if ready else None,
        None if ready else outcome.retention,
    ]


def _concluded(dialect: Dialect, *, target: str = "") -> str:
    """Assign what an outcome says; a delay means READY again, a retention means finished.

    `target` qualifies the assigned columns, as MySQL's join needs and the others forbid.
    """
    due = dialect.later.replace("%s", "ended.delay")
    prune = dialect.later.replace("%s", "ended.retention")
    assignments = {
        "state": "ended.state",
        "return_value": "ended.return_value",
        "attempts": "ended.attempts",
        "progress": f"COALESCE(ended.progress, {JOB_TABLE}.progress)",
        "due_at": f"CASE WHEN ended.delay IS NOT NULL THEN {due} END",
        "delivered_at": f"CASE WHEN ended.delay IS NULL THEN {JOB_TABLE}.delivered_at END",
        "deliveries": "0",
        "finished_at": f"CASE WHEN ended.retention IS NOT NULL THEN {dialect.now} END",
        "prune_at": f"CASE WHEN ended.retention IS NOT NULL THEN {prune} END",
        # A request that came too late for this attempt holds for the next, which never starts.
        "cancel_requested_at": f"CASE WHEN ended.retention IS NULL THEN {JOB_TABLE}.cancel_requested_at END",
        "unique_key": f"CASE WHEN ended.retention IS NULL OR NOT {_key_may_go(dialect)} "
        f"THEN {JOB_TABLE}.unique_key END",
    }
    return ", ".join(f"{target}{column} = {value}" for column, value in assignments.items())


@again_on_deadlock
def _conclude_each(
    connection: BaseDatabaseWrapper, dialect: Dialect, outcomes: Iterable[Outcome]
) -> set[tuple[UUID, int]]:
    names = ", ".join(f"%s AS {name}" for name, _ in _OUTCOME_COLUMNS)
    statement = (
        f"UPDATE {JOB_TABLE} JOIN (SELECT {names}) AS ended "
        f"ON {_IS_IN_ITS_HANDS} "
        f"SET {_concluded(dialect, target=JOB_TABLE + '.')}"
    )
    # Together or not at all: one that was written, and then written again, would count as refused.
    with transaction.atomic(using=connection.alias):
        return {
            (outcome.job_id, outcome.attempt)
            for outcome in outcomes
            if _affected(connection, statement, _outcome_row(connection, outcome))
        }


# --- from outside ----------------------------------------------------------------------------------


@again_on_deadlock
def cancel_waiting(job_ids: Iterable[UUID], retention: timedelta) -> int:
    """Cancel jobs that wait, and return how many did; those already taken are left alone."""
    ready = TRANSITIONS[Event.CANCEL].sources - {JobState.RUNNING}
    with explained_errors():
        return (
            Job.objects.using(jobs_connection().alias)
            .filter(pk__in=list(job_ids), state__in=ready)
            .update(
                state=TRANSITIONS[Event.CANCEL].target,
                due_at=None,
                finished_at=DatabaseNow(),
                prune_at=DatabaseNow() + retention,
                cancel_requested_at=None,
                unique_key=Case(When(unique_until__gt=DatabaseNow(), then="unique_key"), default=None),
            )
        )


@again_on_deadlock
def ask_to_cancel(job_ids: Iterable[UUID]) -> int:
    """Ask the workers of running jobs to cancel them, and return how many were asked.

    No change of state: the worker makes it once the task has stopped. Where it does not come to that, because
    the attempt fails or its worker dies first, the request stays and the job is cancelled as it waits again.
    """
    with explained_errors():
        return (
            Job.objects.using(jobs_connection().alias)
            .filter(pk__in=list(job_ids), state=JobState.RUNNING, cancel_requested_at=None)
            .update(cancel_requested_at=DatabaseNow())
        )


def waiting_to_be_cancelled(limit: int) -> list[Job]:
    """Return jobs that were asked to be cancelled as they ran, and wait again: that attempt ended first."""
    asked = Job.objects.using(jobs_connection().alias).filter(
        state=JobState.READY, cancel_requested_at__isnull=False
    )
    with explained_errors():
        return list(asked[:limit])


def requeue(job_ids: Iterable[UUID], unique_keys: Mapping[UUID, str] | None = None) -> int:
    """Make finished jobs READY once more, their history kept, and return how many did.

    They start with a fresh budget of attempts: the history marks the place.

    Args:
        job_ids: of the jobs.
        unique_keys: what those among them that are to be unique again are unique by. One whose key another
            job has meanwhile is left as it is.
    """
    connection = jobs_connection()
    alias, now = connection.alias, database_time(connection)
    finished = Job.objects.using(alias).filter(
        pk__in=list(job_ids), state__in=TRANSITIONS[Event.REQUEUE].sources
    )
    keys = unique_keys or {}
    with explained_errors():
        return sum(_requeue(job, alias, now, keys.get(job.pk)) for job in finished)


@again_on_deadlock
def _requeue(job: Job, alias: str, now: datetime, unique_key: str | None) -> int:
    # What its key was kept for, such as a time after the end, is over: somebody wants the job to run again.
    values = {"unique_key": unique_key, "unique_until": None} if unique_key else {}
    try:
        with transaction.atomic(using=alias):
            return (
                Job.objects.using(alias)
                .filter(pk=job.pk, state=job.state, attempt=job.attempt)
                .update(
                    state=TRANSITIONS[Event.REQUEUE].target,
                    attempts=history.requeued(job, now),
                    due_at=DatabaseNow(),
                    delivered_at=None,
                    finished_at=None,
                    prune_at=None,
                    return_value=None,
                    progress=None,
                    deliveries=0,
                    **values,
                )
            )
    except IntegrityError:
        return 0


@again_on_deadlock
def move(job_ids: Iterable[UUID], source: str, target: str) -> int:
    """Hand waiting jobs of one backend to another, and return how many went.

    What was delivered is due at once: its message lies in the old engine, whose workers cannot claim the job
    any more. What waits for its time, or for its queue to be resumed, goes on waiting for that. A job that is
    in the hands of a worker or a dispatcher at this instant is passed over.

    Args:
        job_ids: of the jobs.
        source: the alias of the backend that they are on.
        target: the alias of the backend that is to run them.
    """
    connection = jobs_connection()
    alias = connection.alias
    waiting = Job.objects.using(alias).filter(
        pk__in=list(job_ids), state__in=TRANSITIONS[Event.MOVE].sources, backend=source
    )
    skip_locked = connection.features.has_select_for_update_skip_locked
    with explained_errors(), transaction.atomic(using=alias):
        # Passed over rather than waited for: who moves jobs never stands in the way of who runs them.
        free = list(waiting.select_for_update(skip_locked=skip_locked).values_list("pk", flat=True))
        return waiting.filter(pk__in=free).update(
            backend=target,
            # The present value first: MySQL assigns from left to right.
            due_at=Case(When(delivered_at__isnull=False, then=DatabaseNow()), default="due_at"),
            delivered_at=None,
            deliveries=0,
        )

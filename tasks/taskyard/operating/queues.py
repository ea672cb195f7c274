"""The queues as operators see them: what waits, what runs, what is paused."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count

from taskyard.backend import job_backends
from taskyard.database import as_datetime, explained_errors, jobs_alias, jobs_connection, run
from taskyard.delivery import waiting_queues
from taskyard.models import JOB_TABLE, Job, PausedQueue
from taskyard.pauses import paused_queues
from taskyard.states import JobState

from .counting import CAP, Capped, capped


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """A queue of a backend, as it stands now."""

    name: str
    backend: str
    waiting: Capped
    """Jobs that a worker may take."""

    oldest: datetime | None
    """Since when the one that waits longest has been waiting."""

    later: Capped
    """Jobs that wait for their time, or for their next attempt."""

    running: int
    paused: PausedQueue | None


def queue_statuses() -> list[QueueStatus]:
    """Return the queues that TASKS name, that hold unfinished jobs, or that are paused."""
    with explained_errors():
        paused = paused_queues()
        waiting, later, running = _waiting(), _later(), _running()
        named = {(queue, alias) for alias, backend in job_backends().items() for queue in backend.queues}
        known = named | set(later) | set(running) | waiting
        known |= {(queue, "") for queue in paused if queue not in {name for name, _ in known}}
        return [
            QueueStatus(
                name=queue,
                backend=backend,
                waiting=_count_waiting(queue, backend) if (queue, backend) in waiting else Capped(0),
                oldest=oldest_waiting(queue, backend) if (queue, backend) in waiting else None,
                later=Capped(later.get((queue, backend), 0)),
                running=running.get((queue, backend), 0),
                paused=paused.get(queue),
            )
            for queue, backend in sorted(known)
        ]


def queue_names() -> list[str]:
    """Return the names of the queues that TASKS name, in which jobs wait, or that are paused."""
    named = {queue for backend in job_backends().values() for queue in backend.queues}
    return sorted(named | {queue for queue, _ in _waiting()} | set(paused_queues()))


def oldest_waiting(queue: str, backend: str) -> datetime | None:
    """Return since when the job of a queue has been waiting that waits longest.

    Hops from priority to priority along the index on waiting jobs, so a long backlog costs no more than a
    short one.
    """
    waiting = (
        f"FROM {JOB_TABLE} WHERE state = '{JobState.READY.value}' AND delivered_at IS NOT NULL "
        "AND backend = %s AND queue = %s"
    )
    statement = (
        f"WITH RECURSIVE levels(level) AS (SELECT MAX(priority) {waiting} UNION ALL "
        f"SELECT (SELECT MAX(priority) {waiting} AND priority < levels.level) FROM levels "
        "WHERE levels.level IS NOT NULL) "
        f"SELECT MIN(oldest) FROM (SELECT (SELECT MIN(delivered_at) {waiting} AND priority = levels.level) "
        "AS oldest FROM levels WHERE level IS NOT NULL) AS each_level"
    )
    connection = jobs_connection()
    [(oldest,)] = run(connection, statement, [backend, queue] * 3)
    found: datetime | None = as_datetime(connection, oldest)
    return found


Counts = dict[tuple[str, str], int]


def _count_waiting(queue: str, backend: str) -> Capped:
    waiting = Job.objects.using(jobs_alias()).filter(
        state=JobState.READY, delivered_at__isnull=False, backend=backend, queue=queue
    )
    # Without the order SQLite goes through all that are ready.
    return capped(waiting, "-priority", "delivered_at")


def _waiting() -> set[tuple[str, str]]:
    return {(queue, alias) for alias in job_backends() for queue in waiting_queues(alias)}


def _later() -> Counts:
    """Count what was not delivered, by queue; no more than the cap in all."""
    undelivered = (
        f"SELECT queue, backend FROM {JOB_TABLE} WHERE state = '{JobState.READY.value}' "
        f"AND delivered_at IS NULL ORDER BY due_at LIMIT {CAP}"
    )
    statement = f"SELECT queue, backend, COUNT(*) FROM ({undelivered}) AS later GROUP BY queue, backend"
    return {(queue, backend): int(count) for queue, backend, count in run(jobs_connection(), statement, [])}


def _running() -> Counts:
    running = Job.objects.using(jobs_alias()).filter(state=JobState.RUNNING)
    rows = running.values_list("queue", "backend").annotate(Count("pk")).order_by()
    return {(queue, backend): count for queue, backend, count in rows}

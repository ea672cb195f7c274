"""Keeping jobs of low priority from waiting for ever behind more urgent ones."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from .database import dialect_of, jobs_connection, run
from .delivery import FIRST_LEASE, take
from .models import JOB_TABLE, Job
from .states import JobState

MOST_URGENT = 100

_WAITING = (
    f"FROM {JOB_TABLE} WHERE state = '{JobState.READY.value}' AND delivered_at IS NOT NULL "
    "AND backend = %s AND queue = %s"
)


def promote(backend: str, queue: str, age: timedelta, *, leased: bool, limit: int) -> list[Job]:
    """Raise jobs that have waited too long to the priority of the most urgent that wait; return them.

    Where all that waits is equally urgent nothing is raised, however long the backlog. An engine with
    messages is to be told again: the message sent first is dropped when it comes.

    Args:
        backend: alias in TASKS.
        queue: one of its queues.
        age: how long a job may wait behind others.
        leased: whether deliveries to this backend's engine need watching.
        limit: how many at most.
    """
    connection = jobs_connection()
    dialect = dialect_of(connection)
    priorities = _priorities(backend, queue)
    top = next(priorities, None)
    promoted: list[Job] = []
    for priority in priorities:
        chosen = (
            f"SELECT id {_WAITING} AND priority = %s AND delivered_at <= {dialect.later} "
            f"ORDER BY delivered_at LIMIT %s {dialect.skip_locked()}"
        )
        which = [backend, queue, priority, -age.total_seconds(), limit - len(promoted)]
        assigned = "priority = %s"
        parameters: list[Any] = [top]
        if leased:
            assigned += (
                f", delivered_at = {dialect.now}, due_at = {dialect.later}, deliveries = deliveries + 1"
            )
            parameters.append(FIRST_LEASE)
        promoted += take(connection, dialect, chosen, which, assigned, parameters)
        if len(promoted) >= limit:
            break
    return promoted


def _priorities(backend: str, queue: str) -> Iterator[int]:
    """Yield the priorities of what waits, the most urgent first, hopping along the index on waiting jobs."""
    connection = jobs_connection()
    below = MOST_URGENT + 1
    while True:
        highest = f"SELECT MAX(priority) {_WAITING} AND priority < %s"
        [(priority,)] = run(connection, highest, [backend, queue, below])
        if priority is None:
            return
        yield priority
        below = priority

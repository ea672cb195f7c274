"""The jobs that run now, and those among them that are stuck."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from importlib import import_module
from typing import Any
from uuid import UUID

from taskyard.compat import Task
from taskyard.database import jobs_alias
from taskyard.models import Job
from taskyard.policy import policy_of
from taskyard.states import JobState

MOST_RUNNING = 2_000
"""Running jobs that are looked at, the longest running first."""

BEYOND_TIMEOUT = timedelta(seconds=60)
"""After which a job that outlives its timeout is stuck: its worker should have ended it long since."""

LONG_UNDER_SILENCE = timedelta(hours=1)
"""After which a job without a timeout is stuck whose worker gives no sign of life. Under a worker in good
health a job may run as long as it likes."""


@dataclass(frozen=True, slots=True)
class RunningJob:
    """A job in a worker's hands."""

    id: UUID
    task: str
    backend: str
    queue: str
    worker: str
    """The id of its process."""

    attempt: int
    since: datetime
    """When this attempt began."""

    seconds: float
    """For how long it runs."""

    progress: Any
    is_cancelling: bool
    is_stuck: bool


def running_jobs(now: datetime, silent: set[str], known: set[str]) -> list[RunningJob]:
    """Return the jobs that run, the longest running first.

    Args:
        now: by the database's clock.
        silent: the ids of processes that give no sign of life.
        known: the ids of all processes in the register; a job of any other is in nobody's hands.
    """
    columns = ("pk", "task", "backend", "queue", "worker", "attempt", "last_attempted_at", "progress")
    rows = (
        Job.objects.using(jobs_alias())
        .filter(state=JobState.RUNNING)
        .order_by("last_attempted_at")
        .values_list(*columns, "cancel_requested_at")[:MOST_RUNNING]
    )
    jobs = []
    for pk, task, backend, queue, worker, attempt, began, progress, asked in rows:
        since = began or now
        jobs.append(
            RunningJob(
                id=pk,
                task=task,
                backend=backend,
                queue=queue,
                worker=worker,
                attempt=attempt,
                since=since,
                seconds=max(0.0, (now - since).total_seconds()),
                progress=progress,
                is_cancelling=asked is not None,
                is_stuck=_is_stuck(task, now - since, is_silent=worker in silent or worker not in known),
            )
        )
    return jobs


def _is_stuck(task: str, length: timedelta, *, is_silent: bool) -> bool:
    timeout = _timeout_of(task)
    if timeout is not None:
        return length > timedelta(seconds=timeout) + BEYOND_TIMEOUT
    return is_silent and length > LONG_UNDER_SILENCE


@lru_cache(maxsize=1000)
def _timeout_of(path: str) -> float | None:
    """Return after how many seconds a task is stopped; None where it never is, or there is no such task."""
    module, _, name = path.rpartition(".")
    try:
        task = getattr(import_module(module), name)
    except Exception:  # a module may raise anything while it loads
        return None
    return policy_of(task).timeout if isinstance(task, Task) else None

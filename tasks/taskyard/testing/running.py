"""Running jobs in the test's own process and thread, without a worker."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Q, QuerySet

from taskyard.backend import JobBackend
from taskyard.compat import TaskResult, task_backends, task_enqueued
from taskyard.database import DatabaseNow, jobs_alias
from taskyard.execution import SyncEffects, attempt, run_now
from taskyard.models import Job
from taskyard.results import result_of
from taskyard.run import Run, prepare
from taskyard.states import Event, JobState
from taskyard.transitions import Outcome, claim, conclude

WORKER = "taskyard.testing"
"""The worker id that jobs run by a test show."""


def drain(*, queue: str | None = None, scheduled: bool = False) -> list[TaskResult]:
    """Run the jobs that are due, and those they enqueue, until none is left; return their results.

    Time limits are not enforced: the task runs on the test's own thread. A job that raises `Snooze` is left
    to the next call, or one that always does would never let this one end.

    Args:
        queue: only this queue; None: all.
        scheduled: also those whose time has not come: deferred starts and retries.
    """
    ran: dict[UUID, None] = {}
    snoozed: set[UUID] = set()
    while found := [job_id for job_id in _next_jobs(queue, scheduled=scheduled) if job_id not in snoozed]:
        for job_id in found:
            outcome = _run(job_id)
            if outcome is not None:
                ran[job_id] = None
                if outcome.event == Event.SNOOZE:
                    snoozed.add(job_id)
    return [result_of(job) for job in Job.objects.filter(pk__in=ran).order_by("id")]


async def adrain(*, queue: str | None = None, scheduled: bool = False) -> list[TaskResult]:
    """See `drain`."""
    return await sync_to_async(drain)(queue=queue, scheduled=scheduled)


@contextmanager
def inline() -> Iterator[None]:
    """Run each job right where it is enqueued within the block, before `enqueue` returns.

    Jobs with a `run_after` wait as ever. A failing task does not fail the caller: look at its result.
    """

    def run(task_result: TaskResult, **_: Any) -> None:
        if isinstance(task_backends[task_result.backend], JobBackend) and task_result.task.run_after is None:
            job_id = UUID(task_result.id)
            _mark_delivered(Job.objects.filter(pk=job_id))
            _run(job_id)

    task_enqueued.connect(run, weak=False)
    try:
        yield
    finally:
        task_enqueued.disconnect(run)


def _next_jobs(queue: str | None, *, scheduled: bool) -> list[UUID]:
    """Mark as delivered what a dispatcher would deliver, and return the ids of all that can be claimed."""
    ready = Job.objects.filter(state=JobState.READY)
    if queue is not None:
        ready = ready.filter(queue=queue)
    due = ready if scheduled else ready.filter(due_at__lte=DatabaseNow())
    _mark_delivered(due)
    waiting = ready.filter(~Q(delivered_at=None))
    return list(waiting.order_by("-priority", "delivered_at", "id").values_list("id", flat=True))


def _mark_delivered(jobs: QuerySet[Job]) -> None:
    jobs.filter(delivered_at=None).update(delivered_at=DatabaseNow())


def _run(job_id: UUID) -> Outcome | None:
    job = claim(job_id, WORKER)
    return None if job is None else run_now(attempt(prepare(job), SyncEffects(_record, _within_savepoint)))


def _record(outcome: Outcome) -> bool:
    return bool(conclude([outcome]))


@contextmanager
def _within_savepoint(_: Run) -> Iterator[None]:
    """Keep a task's database error from breaking the test's own transaction; a worker has none around it."""
    connection = connections[jobs_alias()]
    if not connection.in_atomic_block:
        yield
        return
    savepoint = str(connection.savepoint())
    try:
        yield
    except BaseException as error:
        _close_savepoint(connection, savepoint, broken=isinstance(error, DatabaseError))
        raise
    _close_savepoint(connection, savepoint, broken=False)


def _close_savepoint(connection: BaseDatabaseWrapper, savepoint: str, *, broken: bool) -> None:
    if broken or connection.needs_rollback:
        connection.needs_rollback = False
        connection.savepoint_rollback(savepoint)
    else:
        connection.savepoint_commit(savepoint)

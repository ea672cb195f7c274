"""Steering jobs from outside: cancel, retry, run now; one, or any number of them.

What is done to one job tells whether it could be done: by the time somebody asks, the job may have moved on.
What is done to many goes through them in small batches, so that no statement is long and workers go on
meanwhile; jobs that come into being on the way are left alone.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from uuid import UUID

from django.db.models import Q, QuerySet

from taskyard.announcing import announce
from taskyard.compat import TaskResult
from taskyard.database import DatabaseNow, again_on_deadlock, explained_errors, jobs_alias
from taskyard.exceptions import UniqueConflict
from taskyard.models import Job
from taskyard.results import find_job
from taskyard.retention import retention_of
from taskyard.signals import job_cancelled
from taskyard.states import TRANSITIONS, Event, JobState
from taskyard.transitions import ask_to_cancel, cancel_waiting, requeue
from taskyard.unique import unique_key_of

from .walking import batches

BATCH = 500
"""Jobs that are changed together."""

JobOrId = Job | TaskResult | UUID | str
"""A job as people have it at hand: what `enqueue` returned, or an id."""

Listener = Callable[[int, int], object]
"""Called after each batch with how many jobs it went through, and to how many of them it was done."""


@dataclass(frozen=True, slots=True)
class Operation:
    """Something that is done to jobs from outside."""

    name: str
    """What people call it, as in `manage.py jobs run-now`."""

    done: str
    """What a job is after it, as in "3 jobs cancelled"."""

    applies_to: Q
    """The jobs to which it can be done."""

    act: Callable[[list[Job]], int]
    """Does it to jobs, and returns to how many: some may have moved on."""

    @property
    def title(self) -> str:
        """What people call it at the start of a sentence."""
        return self.name.replace("-", " ").capitalize()

    def to_one(self, job: JobOrId) -> bool:
        """Do it to a job, and tell whether that was possible.

        Raises:
            TaskResultDoesNotExist: for an unknown or malformed id.
        """
        pk = find_job(getattr(job, "id", job)).pk
        return bool(self._act([pk]))

    def to_many(
        self,
        jobs: "QuerySet[Job]",
        *,
        dry_run: bool = False,
        limit: int | None = None,
        on_batch: Listener | None = None,
    ) -> int:
        """Do it to all these jobs to which it can be done, and return how many those were.

        Args:
            jobs: any queryset of jobs that is not sliced.
            dry_run: only count them.
            limit: do it to so many at most.
            on_batch: called after each batch; see `Listener`.
        """
        eligible = jobs.filter(self.applies_to)
        if dry_run:
            with explained_errors():
                return eligible.count()
        done = 0
        for batch in batches(eligible, BATCH):
            keys = batch if limit is None else batch[: limit - done]
            changed = self._act(keys)
            done += changed
            if on_batch is not None:
                on_batch(len(keys), changed)
            if limit is not None and done >= limit:
                break
        return done

    def _act(self, keys: list[UUID]) -> int:
        with explained_errors():
            jobs = list(Job.objects.using(jobs_alias()).filter(self.applies_to, pk__in=keys))
        return self.act(jobs)


def _cancel(jobs: list[Job]) -> int:
    """Cancel those that wait and ask the workers of those that run."""
    cancelled = 0
    open_jobs = jobs
    while open_jobs:
        for retention, keys in _by_retention(open_jobs):
            waiting = cancel_waiting(keys, retention)
            if waiting:
                _tell_cancelled(keys)
            cancelled += waiting
        keys = [job.pk for job in open_jobs]
        cancelled += ask_to_cancel(keys)
        # One that was claimed, or came back, between the two statements has slipped through.
        open_jobs = list(Job.objects.using(jobs_alias()).filter(CANCEL.applies_to, pk__in=keys))
    return cancelled


def _by_retention(jobs: Iterable[Job]) -> list[tuple[timedelta, list[UUID]]]:
    """Group jobs by how long they are kept, which all jobs of a task on a backend have in common."""

    def kind(job: Job) -> tuple[str, str]:
        return job.backend, job.task

    groups = [list(group) for _, group in groupby(sorted(jobs, key=kind), key=kind)]
    return [(retention_of(group[0], JobState.CANCELLED), [job.pk for job in group]) for group in groups]


def _tell_cancelled(keys: list[UUID]) -> None:
    if job_cancelled.receivers:
        for job in Job.objects.using(jobs_alias()).filter(pk__in=keys, state=JobState.CANCELLED):
            announce(job_cancelled, job)


def _retry(jobs: list[Job]) -> int:
    keys = {job.pk: key for job in jobs if (key := unique_key_of(job)) is not None}
    return requeue([job.pk for job in jobs], keys)


def explain_conflict(job: JobOrId) -> None:
    """Say which other job keeps a finished one from being retried; nothing where none does.

    Raises:
        UniqueConflict: naming the other job.
    """
    job = find_job(getattr(job, "id", job))
    key = unique_key_of(job)
    if key is None or not job.is_finished:
        return
    other = Job.objects.using(jobs_alias()).filter(unique_key=key).exclude(pk=job.pk).first()
    if other is not None:
        raise UniqueConflict(
            f"Job {job.id} cannot run again: it is unique, and job {other.id} with the same key is there "
            f"({other.get_state_display().lower()}). Wait for that one, or cancel it."
        )


@again_on_deadlock
def _run_now(jobs: list[Job]) -> int:
    """Make jobs due; the dispatcher acts on them within a second."""
    with explained_errors():
        return (
            Job.objects.using(jobs_alias())
            .filter(RUN_NOW.applies_to, pk__in=[job.pk for job in jobs])
            .update(due_at=DatabaseNow())
        )


CANCEL = Operation(
    "cancel",
    "cancelled",
    # "This or that" instead of IN, which SQLite does not match with the index on states.
    (Q(state=JobState.READY) | Q(state=JobState.RUNNING)) & Q(cancel_requested_at=None),
    _cancel,
)
RETRY = Operation("retry", "due again", Q(state__in=TRANSITIONS[Event.REQUEUE].sources), _retry)
RUN_NOW = Operation(
    "run-now",
    "due now",
    Q(state=JobState.READY, delivered_at=None, due_at__gt=DatabaseNow()),
    _run_now,
)

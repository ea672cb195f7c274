"""Inserting unique jobs: of each key one, and the others' callers are shown who stands in for them.

The unique index decides, whoever comes at the same instant. Nobody's transaction breaks: a row that the index
does not take is left out of the statement, not refused.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from .database import DatabaseNow, again_on_deadlock, explained_errors, jobs_connection
from .exceptions import UniqueConflict
from .models import Job
from .states import FINISHED, JobState
from .unique import WAITING_KEY

MOST_ROUNDS = 20
"""How often a key is asked for that was taken when the job was to be inserted, and free a moment later."""

Insert = Callable[[Sequence[Job]], set[UUID]]
"""Inserts jobs but for those whose key or slot is taken, and returns the ids of those inserted."""


def insert_or_find(jobs: Sequence[Job], insert: Insert) -> list[Job | None]:
    """Insert jobs and return, in their order, who stands for each: itself, or the one that has its key.

    None stands for a job whose schedule's slot has one already.

    Raises:
        UniqueConflict: where a key is taken and given up faster than one can look.
    """
    firsts: dict[UUID | str, Job] = {}
    for job in jobs:
        firsts.setdefault(_identity(job), job)
    # In the same order for all, so that two callers with the same keys do not wait for each other.
    missing = sorted(firsts.values(), key=lambda job: job.unique_key or "")
    standing = _all_or_none(missing, insert)
    return [standing.get(_identity(job)) for job in jobs]


@again_on_deadlock
def _all_or_none(jobs: Sequence[Job], insert: Insert) -> dict[UUID | str, Job]:
    connection = jobs_connection()
    several = len(jobs) > 1 and any(job.unique_key for job in jobs) and not connection.in_atomic_block
    with transaction.atomic(using=connection.alias) if several else nullcontext():
        return _insert_or_find(jobs, insert)


def _insert_or_find(jobs: Sequence[Job], insert: Insert) -> dict[UUID | str, Job]:
    # A look first: an insert that meets a key makes MySQL lock the row that has it.
    standing = _holders(jobs)
    missing = [job for job in jobs if _identity(job) not in standing]
    for _ in range(MOST_ROUNDS):
        inserted = insert(missing)
        standing |= {_identity(job): job for job in missing if job.id in inserted}
        missing = [job for job in missing if job.id not in inserted and not _slot_is_taken(job)]
        if missing:
            standing |= _holders(missing)
            missing = [job for job in missing if _identity(job) not in standing]
        if not missing:
            return standing
        _free_expired(missing)
    raise UniqueConflict(
        f"The unique key of {len(missing)} jobs of {missing[0].task} was taken whenever they were to be "
        f"inserted, and free again whenever its owner was looked for, {MOST_ROUNDS} times in a row."
    )


def look_again_on_commit(jobs: Sequence[Job], enqueue: Callable[[Sequence[Job]], object]) -> None:
    """Once the open transaction has committed, enqueue jobs after all whose stand-ins have started before.

    A job that waits stands in for one enqueued in a transaction only if it sees what that transaction wrote.
    Should a worker take it before the commit, it does not.
    """
    connection = jobs_connection()
    looks = [hook for _, hook, *_ in connection.run_on_commit if isinstance(hook, _SecondLook)]
    looked_for = {job.unique_key for look in looks for job in look.jobs}
    others = [job for job in jobs if job.unique_key not in looked_for]
    if others:
        transaction.on_commit(_SecondLook(others, enqueue), using=connection.alias, robust=True)


@dataclass(frozen=True, slots=True)
class _SecondLook:
    """A hook that tells which jobs it is for."""

    jobs: Sequence[Job]
    enqueue: Callable[[Sequence[Job]], object]

    def __call__(self) -> None:
        self.enqueue(self.jobs)


def _identity(job: Job) -> UUID | str:
    return job.unique_key or job.id


def _slot_is_taken(job: Job) -> bool:
    return (
        job.slot is not None
        and job.schedule_id is not None
        and Job.objects.using(jobs_connection().alias)
        .filter(schedule_id=job.schedule_id, slot=job.slot)
        .exists()
    )


def _holders(jobs: Sequence[Job]) -> dict[UUID | str, Job]:
    """Return the jobs that have these jobs' keys, by key."""
    if all(job.unique_key is None for job in jobs):
        return {}  # most jobs have none, and even a query that is never sent takes longer than their insert
    found = _with_keys_of(jobs).exclude(_EXPIRED)
    with explained_errors():
        return {job.unique_key: job for job in found if job.unique_key is not None}


def _free_expired(jobs: Iterable[Job]) -> None:
    """Take keys from their owners that were kept for their time alone, which is over."""
    _with_keys_of(jobs).filter(_EXPIRED).update(unique_key=None)


def _with_keys_of(jobs: Iterable[Job]) -> QuerySet[Job]:
    keys = [job.unique_key for job in jobs if job.unique_key is not None]
    return Job.objects.using(jobs_connection().alias).filter(unique_key__in=keys)


_EXPIRED = Q(unique_until__isnull=False, unique_until__lte=DatabaseNow()) & (
    Q(state__in=FINISHED) | Q(state=JobState.RUNNING, unique_key__startswith=WAITING_KEY)
)

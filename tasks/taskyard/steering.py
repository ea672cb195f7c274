"""What people call to cancel, retry or hurry jobs; `taskyard.operating.operations` does it."""

from typing import TYPE_CHECKING

from asgiref.sync import sync_to_async

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from .models import Job
    from .operating.operations import JobOrId


def cancel(job: "JobOrId") -> bool:
    """Cancel a job, and tell whether it was not finished yet.

    One that waits never starts. The worker of one that runs is asked to stop it, and does so within seconds,
    unless the job ends by itself first.

    Args:
        job: a result, an id, or a `Job`.

    Raises:
        TaskResultDoesNotExist: for an unknown or malformed id.
    """
    from .operating.operations import CANCEL  # noqa: PLC0415 - models load after the app registry

    return CANCEL.to_one(job)


def retry(job: "JobOrId") -> bool:
    """Run a finished job once more, and tell whether it was finished.

    It starts with a fresh budget of attempts and keeps the history of the earlier ones.

    Args:
        job: see `cancel`.

    Raises:
        TaskResultDoesNotExist: for an unknown or malformed id.
        UniqueConflict: where a job that is not finished has the same unique key.
    """
    from .operating.operations import RETRY, explain_conflict  # noqa: PLC0415

    if RETRY.to_one(job):
        return True
    explain_conflict(job)
    return False


def run_now(job: "JobOrId") -> bool:
    """Let a job that waits for its time, or for its next attempt, start at once; tell whether it did wait.

    Args:
        job: see `cancel`.

    Raises:
        TaskResultDoesNotExist: for an unknown or malformed id.
    """
    from .operating.operations import RUN_NOW  # noqa: PLC0415

    return RUN_NOW.to_one(job)


def cancel_many(jobs: "QuerySet[Job]", *, dry_run: bool = False) -> int:
    """Cancel all these jobs that are not finished, batch by batch, and return how many those were.

    Args:
        jobs: any queryset of `taskyard.models.Job` that is not sliced.
        dry_run: only count them.
    """
    from .operating.operations import CANCEL  # noqa: PLC0415

    return CANCEL.to_many(jobs, dry_run=dry_run)


def retry_many(jobs: "QuerySet[Job]", *, dry_run: bool = False) -> int:
    """Run all these jobs once more that are finished, and return how many those were.

    One whose unique key another job has by now stays as it is and is not counted.

    Args:
        jobs: see `cancel_many`.
        dry_run: see `cancel_many`.
    """
    from .operating.operations import RETRY  # noqa: PLC0415

    return RETRY.to_many(jobs, dry_run=dry_run)


def run_now_many(jobs: "QuerySet[Job]", *, dry_run: bool = False) -> int:
    """Let all these jobs that wait for a time start at once, and return how many those were.

    Args:
        jobs: see `cancel_many`.
        dry_run: see `cancel_many`.
    """
    from .operating.operations import RUN_NOW  # noqa: PLC0415

    return RUN_NOW.to_many(jobs, dry_run=dry_run)


acancel = sync_to_async(cancel)
aretry = sync_to_async(retry)
arun_now = sync_to_async(run_now)
acancel_many = sync_to_async(cancel_many)
aretry_many = sync_to_async(retry_many)
arun_now_many = sync_to_async(run_now_many)

"""Deleting finished jobs whose time has come, a small batch at a time."""

from collections.abc import Callable
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet

from .compat import InvalidTaskBackend
from .database import (
    DatabaseNow,
    again_on_deadlock,
    dialect_of,
    explained_errors,
    jobs_alias,
    jobs_connection,
    run,
)
from .models import JOB_TABLE, Job
from .operating.walking import batches
from .run import prepare
from .states import FINISHED, JobState

BATCH = 500
"""Jobs that one statement deletes: few enough that nobody waits for its locks."""


@again_on_deadlock
def prune(limit: int = BATCH) -> int:
    """Delete up to `limit` jobs that are past their retention, and return how many went.

    A job that still holds a unique key stays. Any number of processes may prune at once: each passes over
    what another is deleting.
    """
    connection = jobs_connection()
    dialect = dialect_of(connection)
    past = (
        f"SELECT id FROM {JOB_TABLE} WHERE prune_at IS NOT NULL AND prune_at <= {dialect.now} "
        f"AND (unique_until IS NULL OR unique_until <= {dialect.now}) ORDER BY prune_at LIMIT %s "
        f"{dialect.skip_locked()}"
    )
    if dialect.returning:
        statement = f"DELETE FROM {JOB_TABLE} WHERE {dialect.among(past)}"
        with explained_errors(), connection.cursor() as cursor:
            cursor.execute(statement, [limit])
            return int(cursor.rowcount)
    # In one statement MySQL would lock each row of the table, and wait for who enqueues.
    with transaction.atomic(using=connection.alias):
        keys = [key for (key,) in run(connection, past, [limit])]
        if keys:
            marks = ", ".join(["%s"] * len(keys))
            run(connection, f"DELETE FROM {JOB_TABLE} WHERE id IN ({marks})", keys)
        return len(keys)


def past_retention() -> "QuerySet[Job]":
    """Return the jobs that `prune` would delete by and by."""
    return (
        Job.objects.using(jobs_alias())
        .exclude(unique_until__gt=DatabaseNow())
        .filter(prune_at__isnull=False, prune_at__lte=DatabaseNow())
    )


def delete_finished(jobs: "QuerySet[Job]", on_batch: Callable[[int], object] = lambda _: None) -> int:
    """Delete the finished ones among these jobs, whatever their retention, and return how many went.

    Args:
        jobs: those that may go.
        on_batch: called after each batch with how many it deleted.
    """
    deleted = 0
    for keys in batches(jobs.filter(state__in=FINISHED), BATCH):
        with explained_errors():
            gone, _ = Job.objects.using(jobs_alias()).filter(pk__in=keys, state__in=FINISHED).delete()
        deleted += gone
        on_batch(gone)
    return deleted


def retention_of(job: Job, state: JobState) -> timedelta:
    """Return how long a job is kept that finishes in this state.

    Not at all where TASKS no longer name its backend.
    """
    try:
        attempt = prepare(job)
    except InvalidTaskBackend:
        return timedelta(0)
    return attempt.retention_in(state)

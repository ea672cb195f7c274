"""Deleting finished jobs whose time has come, a small batch at a time."""

from datetime import timedelta

from .compat import InvalidTaskBackend
from .database import dialect_of, explained_errors, jobs_connection
from .models import JOB_TABLE, Job
from .run import prepare


def prune(limit: int = 500) -> int:
    """Delete up to `limit` jobs that are past their retention, and return how many went.

    Any number of processes may prune at once: each passes over what another is deleting.
    """
    connection = jobs_connection()
    dialect = dialect_of(connection)
    statement = (
        f"DELETE FROM {JOB_TABLE} WHERE id IN (SELECT id FROM (SELECT id FROM {JOB_TABLE} "
        f"WHERE prune_at IS NOT NULL AND prune_at <= {dialect.now} ORDER BY prune_at LIMIT %s "
        f"{dialect.skip_locked()}) AS done_with)"
    )
    with explained_errors(), connection.cursor() as cursor:
        cursor.execute(statement, [limit])
        return int(cursor.rowcount)


def retention_of(job: Job) -> timedelta:
    """Return how long a job is kept once it is finished; nothing where TASKS no longer name its backend."""
    try:
        return prepare(job).retention
    except InvalidTaskBackend:
        return timedelta(0)

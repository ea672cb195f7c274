"""Writing new jobs into their table."""

import json
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from .database import Dialect, as_datetime, dialect_of, explained_errors, jobs_connection
from .delivery import FIRST_LEASE
from .models import JOB_TABLE, Job, job_key
from .states import JobState

_INSERT_COLUMNS = (
    *("id", "task", "args", "kwargs", "backend", "queue", "priority", "run_after"),
    *("state", "attempt", "worker", "attempts", "enqueued_at", "due_at", "delivered_at", "deliveries"),
)
_GIVEN = 8
"""The first so many columns are parameters, the rest expressions."""


def insert(jobs: Sequence[Job], *, leased: bool, at_once: bool) -> None:
    """Insert new jobs, all or none, in one statement for as many as the database takes; note their time.

    Args:
        jobs: unsaved jobs; `enqueued_at` is set on them from the database's clock.
        leased: whether a delivery to their engine needs watching.
        at_once: whether the delivery follows at once; if not, it is left to the dispatcher.
    """
    if not jobs:
        return
    connection = jobs_connection()
    dialect = dialect_of(connection)
    size = _rows_per_statement(connection, len(jobs))
    chunks = [jobs[start : start + size] for start in range(0, len(jobs), size)]
    with transaction.atomic(using=connection.alias) if len(chunks) > 1 else nullcontext():
        for chunk in chunks:
            _insert_chunk(connection, dialect, chunk, leased=leased, at_once=at_once)


def _rows_per_statement(connection: BaseDatabaseWrapper, wanted: int) -> int:
    limit = connection.features.max_query_params
    return min(wanted, limit // (_GIVEN + 2), 1000) if limit else min(wanted, 1000)


def _insert_chunk(
    connection: BaseDatabaseWrapper, dialect: Dialect, jobs: Sequence[Job], *, leased: bool, at_once: bool
) -> None:
    rows, parameters = [], []
    for job in jobs:
        when, when_parameters = _when(dialect, connection, job, leased=leased, at_once=at_once)
        given = ", ".join(["%s"] * _GIVEN)
        rows.append(f"({given}, '{JobState.READY.value}', 0, '', '[]', {dialect.now}, {when})")
        parameters += [*_given_values(connection, job), *when_parameters]
    statement = f"INSERT INTO {JOB_TABLE} ({', '.join(_INSERT_COLUMNS)}) VALUES {', '.join(rows)}"
    if dialect.returning:
        statement += " RETURNING enqueued_at"
    with explained_errors(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        if dialect.returning:
            enqueued_at = as_datetime(connection, cursor.fetchall()[0][0])
        else:
            enqueued_at = Job.objects.using(connection.alias).get(pk=jobs[0].pk).enqueued_at
    for job in jobs:
        job.enqueued_at = enqueued_at


def _when(
    dialect: Dialect, connection: BaseDatabaseWrapper, job: Job, *, leased: bool, at_once: bool
) -> tuple[str, list[Any]]:
    """Return the expressions for due_at, delivered_at and deliveries, with their parameters."""
    if job.run_after is not None:
        due = Job._meta.get_field("run_after").get_db_prep_value(job.run_after, connection)
        return "%s, NULL, 0", [due]
    if not at_once:
        return f"{dialect.now}, NULL, 0", []
    if leased:
        return f"{dialect.later}, {dialect.now}, 1", [FIRST_LEASE]
    return f"NULL, {dialect.now}, 1", []


def _given_values(connection: BaseDatabaseWrapper, job: Job) -> list[Any]:
    run_after = Job._meta.get_field("run_after").get_db_prep_value(job.run_after, connection)
    return [
        job_key(job.id, connection),
        job.task,
        json.dumps(job.args),
        json.dumps(job.kwargs),
        job.backend,
        job.queue,
        job.priority,
        run_after,
    ]

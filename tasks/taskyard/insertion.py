"""Writing new jobs into their table."""

import json
from collections.abc import Container, Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from .database import as_datetime, dialect_of, explained_errors, jobs_connection
from .delivery import FIRST_LEASE
from .models import JOB_TABLE, Job, job_key
from .states import JobState

_GIVEN = (
    *("id", "task", "args", "kwargs", "backend", "queue", "priority", "run_after"),
    *("owner", "metadata", "schedule_id", "slot", "unique_key"),
)
"""The columns that are parameters; the rest are expressions."""

_EXPRESSED = (
    *("state", "attempt", "worker", "attempts", "enqueued_at"),
    *("unique_until", "due_at", "delivered_at", "deliveries"),
)

_MOST_PARAMETERS_BESIDE = 3
"""Of the expressions of one row."""


def insert(
    jobs: Sequence[Job],
    *,
    leased: Container[str],
    at_once: Container[str],
    unique_for: timedelta | None = None,
) -> set[UUID]:
    """Insert new jobs in one statement for as many as the database takes; note their time on them.

    All or none, but for those whose `unique_key`, or whose schedule's slot, another job has already.

    Args:
        jobs: unsaved jobs; `enqueued_at` is set on them from the database's clock.
        leased: the backends to whose engines a delivery needs watching.
        at_once: the backends to which the delivery follows at once; to others it is left to the dispatcher.
        unique_for: how long unique keys are kept at least, even if the jobs have finished by then.

    Returns:
        The ids of those that were inserted.
    """
    if not jobs:
        return set()
    insertion = _Insertion(leased=leased, at_once=at_once, unique_for=unique_for)
    size = insertion.rows_per_statement(len(jobs))
    chunks = [jobs[start : start + size] for start in range(0, len(jobs), size)]
    with transaction.atomic(using=insertion.alias) if len(chunks) > 1 else nullcontext():
        return {job_id for chunk in chunks for job_id in insertion.insert(chunk)}


class _Insertion:
    """How the jobs of one call are inserted."""

    def __init__(
        self, *, leased: Container[str], at_once: Container[str], unique_for: timedelta | None
    ) -> None:
        self._connection = jobs_connection()
        self._dialect = dialect_of(self._connection)
        self._leased = leased
        self._at_once = at_once
        self._unique_for = unique_for
        self.alias = self._connection.alias

    def rows_per_statement(self, wanted: int) -> int:
        """Return how many of so many jobs go in one statement."""
        limit = self._connection.features.max_query_params
        most = limit // (len(_GIVEN) + _MOST_PARAMETERS_BESIDE) if limit else wanted
        return min(wanted, most, 1000)

    def insert(self, jobs: Sequence[Job]) -> set[UUID]:
        """Insert jobs in one statement, and return the ids of those that were inserted."""
        statement, parameters = self._statement(jobs)
        with explained_errors(), self._connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            inserted = self._returned(cursor.fetchall()) if self._dialect.returning else self._found(jobs)
        for job in jobs:
            job.enqueued_at = inserted.get(job.id, job.enqueued_at)
        return set(inserted)

    def _statement(self, jobs: Sequence[Job]) -> tuple[str, list[Any]]:
        rows, parameters = [], []
        given = ", ".join(["%s"] * len(_GIVEN))
        for job in jobs:
            until, until_parameters = self._unique_until(job)
            when, when_parameters = self._when(job)
            state = f"'{JobState.READY.value}', 0, '', '[]', {self._dialect.now}"
            rows.append(f"({given}, {state}, {until}, {when})")
            parameters += [*self._given_values(job), *until_parameters, *when_parameters]
        columns = ", ".join(_GIVEN + _EXPRESSED)
        statement = f"INSERT INTO {JOB_TABLE} ({columns}) VALUES {', '.join(rows)}"
        if any(job.unique_key is not None or job.slot is not None for job in jobs):
            statement += f" {self._dialect.skip_conflicts}"
        if self._dialect.returning:
            statement += " RETURNING id, enqueued_at"
        return statement, parameters

    def _returned(self, rows: list[tuple[Any, ...]]) -> dict[UUID, datetime]:
        return {UUID(str(job_id)): as_datetime(self._connection, enqueued_at) for job_id, enqueued_at in rows}

    def _found(self, jobs: Sequence[Job]) -> dict[UUID, datetime]:
        found = Job.objects.using(self.alias).filter(pk__in=[job.pk for job in jobs])
        return dict(found.values_list("id", "enqueued_at"))

    def _unique_until(self, job: Job) -> tuple[str, list[Any]]:
        if job.unique_key is None or self._unique_for is None:
            return "NULL", []
        return self._dialect.later, [self._unique_for.total_seconds()]

    def _when(self, job: Job) -> tuple[str, list[Any]]:
        """Return the expressions for due_at, delivered_at and deliveries, with their parameters."""
        now = self._dialect.now
        if job.run_after is not None:
            return "%s, NULL, 0", [self._as_parameter("run_after", job.run_after)]
        if job.backend not in self._at_once:
            return f"{now}, NULL, 0", []
        if job.backend in self._leased:
            return f"{self._dialect.later}, {now}, 1", [FIRST_LEASE]
        return f"NULL, {now}, 1", []

    def _given_values(self, job: Job) -> list[Any]:
        return [
            job_key(job.id, self._connection),
            job.task,
            json.dumps(job.args),
            json.dumps(job.kwargs),
            job.backend,
            job.queue,
            job.priority,
            self._as_parameter("run_after", job.run_after),
            job.owner,
            json.dumps(job.metadata),
            job.schedule_id,
            self._as_parameter("slot", job.slot),
            job.unique_key,
        ]

    def _as_parameter(self, column: str, value: Any) -> Any:
        field: Any = Job._meta.get_field(column)
        return field.get_db_prep_value(value, self._connection)

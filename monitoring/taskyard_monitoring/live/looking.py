"""The one statement that asks the database for all that is being watched.

Its cost grows with the number of watched jobs, never with that of watchers. It is a union: the jobs that
are watched by their ids, the newest one, and, where somebody listens to queues or to everything, what is new,
what runs, and what has finished lately. Each part is bounded and has its index.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Field
from django.utils import timezone

from taskyard.database import dialect_of, jobs_connection, run
from taskyard.ids import earliest_job_id
from taskyard.models import JOB_TABLE, Job, job_key
from taskyard.states import JobState

MOST = 1_000
"""New jobs, running ones, and finished ones that one look takes in, each."""

OVERLAP = 5.0
"""Seconds that a look goes back behind the one before: a transaction may commit late, clocks may differ."""

# In the model's order, as it wants them back.
_NAMES = (
    *("id", "task", "queue", "state", "attempt", "worker", "due_at", "delivered_at", "started_at"),
    *("last_attempted_at", "finished_at", "cancel_requested_at", "owner", "attempts", "progress"),
)
_STATE, _DELIVERED_AT = _NAMES.index("state"), _NAMES.index("delivered_at")

# The history of attempts may be long, and only of a job that has failed it is told why.
_SPECIAL = {"attempts": f"CASE WHEN state = '{JobState.FAILED.value}' THEN attempts END AS attempts"}
_COLUMNS = ", ".join(_SPECIAL.get(name, name) for name in _NAMES)

NAMED, NEWEST, NEW, RUNNING, FINISHED = range(5)

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """What one look asks for."""

    jobs: Collection[UUID]
    """Jobs to be looked at whatever they do."""

    since: float | None
    """How many seconds back new and finished jobs matter; None: nobody listens to such."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A job as a look has found it: its row as the database handed it out."""

    parts: set[int]
    """The parts of the question that it answers."""

    row: Row

    @property
    def state(self) -> str:
        """Its state."""
        return str(self.row[_STATE])

    @property
    def is_running(self) -> bool:
        """Whether a worker has it in its hands."""
        return self.state == JobState.RUNNING

    @property
    def is_still(self) -> bool:
        """Whether it shows the same while its row does: the state of one that waits for its time changes."""
        return self.state != JobState.READY or self.row[_DELIVERED_AT] is not None


@dataclass(frozen=True, slots=True)
class Sight:
    """What a look has found."""

    jobs: dict[UUID, Seen]
    newest: UUID | None
    is_whole: bool
    """Whether all parts had room for all there was."""

    read: Callable[[Seen], Job]
    """Returns the job, the columns left out that nobody is told of."""


def look(question: Question) -> Sight:
    """Ask the question.

    Raises:
        NotMigrated: where the table is missing.
        DatabaseError: where the database does not answer.
    """
    connection = jobs_connection()
    parts = [_newest(), *_named(connection, question.jobs)]
    if question.since is not None:
        parts += _wide(connection, question.since)
    # Each in a table of its own, since in a bare union not every database takes an order and a limit.
    statement = " UNION ALL ".join(
        f"SELECT * FROM (SELECT {part} AS part, {_COLUMNS} FROM {JOB_TABLE} {where}) AS part_{part}"
        for part, where, _ in parts
    )
    rows = run(connection, statement, [value for _, _, values in parts for value in values])
    jobs: dict[UUID, Seen] = {}
    newest, counts = None, [0] * 5
    for part, *columns in rows:
        key = columns[0] if isinstance(columns[0], UUID) else UUID(columns[0])
        counts[part] += 1
        if part == NEWEST:
            newest = key
        elif key in jobs:
            jobs[key].parts.add(part)
        else:
            jobs[key] = Seen({part}, tuple(columns))
    return Sight(jobs, newest, max(counts[NEW:]) < MOST, _reader(connection))


_Part = tuple[int, str, list[Any]]


def _newest() -> _Part:
    latest = f"SELECT latest.id FROM {JOB_TABLE} AS latest ORDER BY latest.id DESC LIMIT 1"
    return NEWEST, f"WHERE id = ({latest})", []


def _named(connection: BaseDatabaseWrapper, jobs: Collection[UUID]) -> list[_Part]:
    if not jobs:
        return []
    if dialect_of(connection).casts:
        return [(NAMED, "WHERE id = ANY(%s)", [list(jobs)])]
    marks = ", ".join(["%s"] * len(jobs))
    return [(NAMED, f"WHERE id IN ({marks})", [job_key(job, connection) for job in jobs])]


def _wide(connection: BaseDatabaseWrapper, since: float) -> list[_Part]:
    oldest = earliest_job_id(timezone.now() - timedelta(seconds=since + OVERLAP))
    lately = dialect_of(connection).later
    return [
        (NEW, f"WHERE id > %s ORDER BY id DESC LIMIT {MOST}", [job_key(oldest, connection)]),
        (RUNNING, f"WHERE state = '{JobState.RUNNING.value}' ORDER BY id DESC LIMIT {MOST}", []),
        (
            FINISHED,
            f"WHERE finished_at > {lately} ORDER BY finished_at DESC LIMIT {MOST}",
            [-(since + OVERLAP)],
        ),
    ]


def _reader(connection: BaseDatabaseWrapper) -> Callable[[Seen], Job]:
    fields: list[Field[Any, Any]] = [Job._meta.get_field(name) for name in _NAMES]  # type: ignore[misc]
    columns = [field.get_col(JOB_TABLE) for field in fields]
    converters = [
        (column, [*connection.ops.get_db_converters(column), *column.get_db_converters(connection)])
        for column in columns
    ]

    def read(seen: Seen) -> Job:
        values = []
        for value, (column, steps) in zip(seen.row, converters, strict=True):
            for convert in steps:
                value = convert(value, column, connection)  # noqa: PLW2901 - what a converter is for
            values.append(value)
        return Job.from_db(connection.alias, _NAMES, values)

    return read

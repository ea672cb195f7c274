"""The jobs' database and the few words in which databases differ.

Hot statements are raw SQL. What PostgreSQL, SQLite and MySQL/MariaDB spell differently is named here
once; the statements themselves (`transitions`, `delivery`, `retention`) read the same for all. Times come
from the database's clock, never from a worker's.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from django.conf import settings
from django.db import DatabaseError, OperationalError, connections, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import DateTimeField, Func
from django.db.models.sql.compiler import SQLCompiler

from .exceptions import NotMigrated


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one kind of database says what our statements need."""

    now: str
    """The current time."""

    later: str
    """The current time plus a parameter in seconds."""

    returning: bool
    """Whether `UPDATE … FROM … RETURNING` works."""

    locks_rows: bool
    """Whether `FOR UPDATE SKIP LOCKED` works; where it does not, one writer at a time is the rule."""

    casts: bool
    """Whether parameters in a VALUES list must be told their type."""

    skip_conflicts: str = "ON CONFLICT DO NOTHING"
    """The end of an INSERT that leaves out rows which some unique index does not take."""

    def skip_locked(self) -> str:
        """Return the clause that passes over rows in another's hands."""
        return "FOR UPDATE SKIP LOCKED" if self.locks_rows else ""

    def among(self, chosen: str) -> str:
        """Return the condition that a row's id is among those that a SELECT chooses.

        PostgreSQL may run a subquery behind IN once for each row it looks at. One with a LIMIT that passes
        over locked rows then chooses others each time, and more than its limit in all. As an array it runs
        once.
        """
        return f"id = ANY(ARRAY({chosen}))" if self.casts else f"id IN ({chosen})"

    def typed(self, sql_type: str, expression: str = "%s") -> str:
        """Return the expression, cast where the database needs it."""
        return f"{expression}::{sql_type}" if self.casts else expression


def _postgresql(_: BaseDatabaseWrapper) -> Dialect:
    return Dialect(
        now="statement_timestamp()",
        later="statement_timestamp() + make_interval(secs => %s)",
        returning=True,
        locks_rows=True,
        casts=True,
    )


def _sqlite(_: BaseDatabaseWrapper) -> Dialect:
    # Without USE_TZ Django stores local time in SQLite.
    local = "" if settings.USE_TZ else ", 'localtime'"
    return Dialect(
        now=f"strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now'{local})",
        # printf, because SQLite would not read a number as 1e-05.
        later=f"strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now', printf('%%+.3f seconds', %s){local})",
        returning=True,
        locks_rows=False,
        casts=False,
    )


def _mysql(connection: BaseDatabaseWrapper) -> Dialect:
    now = "UTC_TIMESTAMP(6)" if settings.USE_TZ else "CURRENT_TIMESTAMP(6)"
    return Dialect(
        now=now,
        # Rounded to microseconds by hand: an INTERVAL of decimal seconds keeps its own precision.
        later=f"{now} + INTERVAL ROUND(%s * 1000000) MICROSECOND",
        returning=False,
        locks_rows=connection.features.has_select_for_update_skip_locked,
        casts=False,
        # "INSERT IGNORE" would pass over other faults as well.
        skip_conflicts="ON DUPLICATE KEY UPDATE id = id",
    )


_DIALECTS = {"postgresql": _postgresql, "sqlite": _sqlite, "mysql": _mysql}


def jobs_alias() -> str:
    """Return the alias of the database that holds the jobs, as the site's routers decide."""
    from .models import Job  # noqa: PLC0415 - models load after the app registry

    return router.db_for_write(Job)


def jobs_connection() -> BaseDatabaseWrapper:
    """Return this thread's connection to the jobs' database."""
    return connections[jobs_alias()]


def dialect_of(connection: BaseDatabaseWrapper) -> Dialect:
    """Return the dialect of a connection.

    Raises:
        NotImplementedError: for a database that Taskyard does not support.
    """
    try:
        return _DIALECTS[connection.vendor](connection)
    except KeyError:
        raise NotImplementedError(
            f"Taskyard keeps jobs in PostgreSQL, SQLite, MySQL or MariaDB; database {connection.alias!r} "
            f"is {connection.display_name}. Route the app 'taskyard' to one of those."
        ) from None


MOST_ROUNDS_OF_DEADLOCKS = 20
"""How often statements are run that a deadlock ends each time."""

Parameters = ParamSpec("Parameters")
Answer = TypeVar("Answer")


def again_on_deadlock(statements: Callable[Parameters, Answer]) -> Callable[Parameters, Answer]:
    """Run statements again that the database ended because they and others waited for each other.

    For a function whose statements are one transaction, and which therefore changed nothing then. Databases
    promise no order in which a statement locks its rows, and MySQL locks gaps in indexes as well, so even two
    statements about one job can meet so. Within a caller's transaction the error is the caller's: all that
    the transaction did is lost with it.
    """

    @wraps(statements)
    def run_again(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Answer:
        rounds = 1
        while True:
            try:
                return statements(*args, **kwargs)
            except OperationalError as error:
                if (
                    rounds == MOST_ROUNDS_OF_DEADLOCKS
                    or not _is_deadlock(error)
                    or jobs_connection().in_atomic_block
                ):
                    raise
            rounds += 1

    return run_again


@again_on_deadlock
def run(connection: BaseDatabaseWrapper, statement: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
    """Run a statement and return its rows, none where it yields none."""
    with explained_errors(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall()) if cursor.description else []


class DatabaseNow(Func):
    """The database's clock in ORM queries, the same that hand-written statements read.

    Django's own `Now` is the session's local time on MySQL, and UTC on SQLite where USE_TZ is off.
    """

    output_field = DateTimeField()

    def as_sql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, *_args: Any, **_options: Any
    ) -> tuple[str, tuple[str | int, ...]]:
        """Return what the dialect says."""
        return dialect_of(connection).now, ()


def as_datetime(connection: BaseDatabaseWrapper, value: Any) -> Any:
    """Make a time that a raw statement returned what the ORM would have made it."""
    for convert in connection.ops.get_db_converters(DatabaseNow()):
        value = convert(value, None, connection)
    return value


def database_time(connection: BaseDatabaseWrapper) -> datetime:
    """Return the present time by the database's clock."""
    [(now,)] = run(connection, f"SELECT {dialect_of(connection).now}", [])
    found: datetime = as_datetime(connection, now)
    return found


@contextmanager
def explained_errors() -> Iterator[None]:
    """Turn "no such table" into what to do about it."""
    try:
        yield
    except DatabaseError as error:
        if _is_missing_table(error):
            raise NotMigrated(
                "Taskyard's tables are not in the database. Run: python manage.py migrate"
            ) from error
        raise


_MYSQL_NO_SUCH_TABLE = 1146
_MYSQL_DEADLOCK = 1213


def _is_deadlock(error: DatabaseError) -> bool:
    return getattr(error.__cause__, "sqlstate", None) == "40P01" or error.args[:1] == (_MYSQL_DEADLOCK,)


def _is_missing_table(error: DatabaseError) -> bool:
    cause = error.__cause__
    return (
        getattr(cause, "sqlstate", None) == "42P01"
        or getattr(cause, "pgcode", None) == "42P01"
        or error.args[:1] == (_MYSQL_NO_SUCH_TABLE,)
        or "no such table" in str(error)
    )

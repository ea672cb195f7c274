"""Empty databases for measuring in, on servers of our own."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from tests.support import servers

ROOT = Path(__file__).parents[1]


@contextmanager
def database(kind: str) -> Iterator[str]:
    """Run a database of this kind; yields its address."""
    if kind == "postgresql":
        with servers.postgresql() as address:
            yield address
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite://{folder}/benchmark.sqlite3"


def migrate(address: str, environment: dict[str, str]) -> None:
    """Make the tables."""
    subprocess.run(
        [sys.executable, "-m", "django", "migrate", "--verbosity", "0"],
        env={**os.environ, **environment, "TASKYARD_TEST_DATABASE": address},
        cwd=ROOT,
        check=True,
    )


@contextmanager
def migrated_copies(kind: str, environment: dict[str, str]) -> Iterator[Callable[[], str]]:
    """Run a database and make its tables; yields a function that copies it and returns the copy's address."""
    with database(kind) as address:
        migrate(address, environment)
        parts = urlsplit(address)
        numbers = count(1)

        def copy() -> str:
            copied = f"{parts.path}_{next(numbers)}"
            if kind == "postgresql":
                _copy_in_postgresql(address, copied.removeprefix("/"), parts.path.removeprefix("/"))
            else:
                shutil.copy(parts.path, copied)
            return urlunsplit(parts._replace(path=copied))

        yield copy


def _copy_in_postgresql(address: str, name: str, template: str) -> None:
    import psycopg  # noqa: PLC0415 - not needed for SQLite

    # From another database than the template, which nobody may use meanwhile.
    other = urlunsplit(urlsplit(address)._replace(path="/template1"))
    with psycopg.connect(other, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')

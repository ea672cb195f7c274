"""Empty databases for measuring in, on servers of our own."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
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


def measured_on(kind: str, module: str, rows: int) -> Any:
    """Return what a module's figures are on a database of this kind, measured in a process of its own.

    Args:
        module: prints them as JSON when it is run with --here.
        rows: how many jobs it is to fill the table with.
    """
    with database(kind) as address:
        ended = subprocess.run(
            [sys.executable, "-m", module, "--here", "--rows", str(rows)],
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "TASKYARD_TEST_DATABASE": address},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            check=True,
        )
    return json.loads(ended.stdout)


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

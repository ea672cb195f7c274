"""Measure the embedded engine on databases of its own, and print a table.

    python -m benchmarks [--jobs 10000] [--databases sqlite,postgresql]

Figures are for comparing in one run on one machine; absolute ones say little elsewhere.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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


def measure(kind: str, jobs: int) -> dict[str, float]:
    """Measure on one database, in a process of its own because Django's settings are read once."""
    with database(kind) as address:
        ended = subprocess.run(
            [sys.executable, "-m", "benchmarks.embedded", str(jobs)],
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "tests.settings",
                "TASKYARD_TEST_DATABASE": address,
                "TASKYARD_TEST_LOG": "ERROR",
            },
            cwd=ROOT,
            stdout=subprocess.PIPE,
            check=True,
        )
    return json.loads(ended.stdout)


def main() -> None:
    """Measure on each database and print the figures side by side."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--jobs", type=int, default=10_000, help="no-op jobs to drain (default: %(default)s)")
    parser.add_argument("--databases", default="sqlite,postgresql")
    options = parser.parse_args()
    kinds = options.databases.split(",")
    columns = {kind: measure(kind, options.jobs) for kind in kinds}
    names = list(next(iter(columns.values())))
    width = max(map(len, names))
    print(" " * width, *(f"{kind:>12}" for kind in kinds))
    for name in names:
        print(f"{name:<{width}}", *(f"{columns[kind][name]:>12,.1f}" for kind in kinds))


if __name__ == "__main__":
    main()

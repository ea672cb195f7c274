"""Measure, and print a table.

    python -m benchmarks [embedded [--jobs 10000] [--databases sqlite,postgresql]]
    python -m benchmarks engines [celery-redis …] [--jobs 2000] [--database postgresql] [--json FILE]

Figures are for comparing in one run on one machine; absolute ones say little elsewhere.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.databases import ROOT, database
from benchmarks.engines.combinations import COMBINATIONS
from benchmarks.engines.run import measure_all
from benchmarks.engines.table import text


def measure_embedded(kind: str, jobs: int) -> dict[str, float]:
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


def embedded(options: argparse.Namespace) -> None:
    """Measure the embedded engine on each database and print the figures side by side."""
    kinds = options.databases.split(",")
    columns = {kind: measure_embedded(kind, options.jobs) for kind in kinds}
    names = list(next(iter(columns.values())))
    width = max(map(len, names))
    print(" " * width, *(f"{kind:>12}" for kind in kinds))
    for name in names:
        print(f"{name:<{width}}", *(f"{columns[kind][name]:>12,.1f}" for kind in kinds))


def engines(options: argparse.Namespace) -> None:
    """Measure the other engines against themselves without us, and print a row for each."""
    figures = measure_all(options.names or list(COMBINATIONS), options.database, options.jobs)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    print(text(figures))


def _known(name: str) -> str:
    if name not in COMBINATIONS:
        raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(COMBINATIONS)}")
    return name


def main() -> None:
    """Measure what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    kinds = parser.add_subparsers(required=True)
    ours = kinds.add_parser("embedded", help="the embedded engine on each database (default)")
    ours.add_argument("--jobs", type=int, default=10_000, help="no-op jobs to drain (default: %(default)s)")
    ours.add_argument("--databases", default="sqlite,postgresql")
    ours.set_defaults(measure=embedded)
    theirs = kinds.add_parser("engines", help="every other engine with our records against the bare engine")
    theirs.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        type=_known,
        help=f"{', '.join(COMBINATIONS)}; default: all",
    )
    theirs.add_argument("--jobs", type=int, default=2000, help="no-op jobs to drain (default: %(default)s)")
    theirs.add_argument("--database", choices=["postgresql", "sqlite"], default="postgresql")
    theirs.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    theirs.set_defaults(measure=engines)
    options = parser.parse_args(sys.argv[1:] or ["embedded"])
    options.measure(options)


if __name__ == "__main__":
    main()

"""Measure what becomes of jobs where a worker's host is cut off from its broker, then from its database.

    python -m benchmarks.partition [--broker 30] [--database 60] [--backends celery,arq] [--patience 10]

Two network namespaces on this machine are the hosts, so it needs root and iproute2; nothing leaves them. With
all backends and the seconds above it takes about five minutes.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.databases import ROOT
from benchmarks.partition.hosts import Hosts, NotPossible, on, two_hosts
from benchmarks.partition.table import text

LONGEST = 900.0
"""Seconds after which a measurement is given up."""


def measure(hosts: Hosts, arguments: list[str], backends: str, patience: str) -> dict[str, dict]:
    """Run the course on the near host."""
    course = [sys.executable, "-m", "benchmarks.partition.course", hosts.near, hosts.far, hosts.switch]
    ended = subprocess.run(
        on(hosts.near, *course, *arguments),
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "benchmarks.partition.settings",
            "BENCHMARK_BACKENDS": backends,
            "BENCHMARK_DATABASE_PATIENCE": patience,
        },
        cwd=ROOT,
        stdout=subprocess.PIPE,
        timeout=LONGEST,
        check=True,
    )
    return json.loads(ended.stdout)


def main() -> None:
    """Measure what the command line says."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.partition",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument(
        "--broker", default="30", metavar="SECONDS", help="how long the brokers are away; 0: not"
    )
    parser.add_argument(
        "--database", default="60", metavar="SECONDS", help="how long the database is; 0: not"
    )
    parser.add_argument(
        "--backends",
        default="embedded,celery,dramatiq,arq,django-q2",
        metavar="NAMES",
        help="with commas between them; default: all five",
    )
    parser.add_argument(
        "--patience",
        default="",
        metavar="SECONDS",
        help="after which a silent connection to PostgreSQL is given up; 0: never; default: ours",
    )
    parser.add_argument(
        "--logs", type=Path, metavar="FOLDER", help="an empty one: keep what all processes said"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    options = parser.parse_args()
    arguments = [f"--broker={options.broker}", f"--database={options.database}"]
    arguments += [f"--logs={options.logs.resolve()}"] if options.logs else []
    try:
        with two_hosts() as hosts:
            measured = measure(hosts, arguments, options.backends, options.patience)
    except NotPossible as reason:
        sys.exit(f"Nothing was measured: {reason}")
    if options.json:
        options.json.write_text(json.dumps(measured, indent=2) + "\n")
    print(text(measured))


if __name__ == "__main__":
    main()

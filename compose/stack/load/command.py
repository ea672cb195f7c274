"""`python -m compose.stack load`: jobs on all engines of the stack that runs, each accounted for."""

import argparse
import os
import subprocess
import sys
from typing import Any

from compose.stack.places import ROOT
from compose.stack.site import Site


def declare(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("load", help="have all engines work, and account for every job")
    parser.add_argument(
        "--minutes", type=float, default=5.0, help="how long to enqueue (default: %(default)s)"
    )
    parser.add_argument(
        "--rate",
        type=float,
        default=10.0,
        help="jobs a second, on all engines together (default: %(default)s)",
    )
    parser.add_argument("--kill", action="store_true", help="kill a worker of each engine meanwhile")
    parser.add_argument(
        "--patience",
        type=float,
        default=180.0,
        metavar="SECONDS",
        help="how long to wait for the last job (default: %(default)s)",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the load on the stack of this data folder; returns its exit code."""
    site = Site.that_runs(options.data.resolve())
    command = [sys.executable, "-m", f"{__package__}.driver", f"--seconds={60 * options.minutes}"]
    command += [f"--rate={options.rate}", f"--patience={options.patience}"]
    command += [f"--mails={site.mails}"] if site.mails else []
    command += ["--kill"] if options.kill else []
    path = os.pathsep.join([str(ROOT / "project"), site.environment["PYTHONPATH"]])
    environment = {**site.environment, "PYTHONPATH": path}
    return subprocess.run(command, env=environment, check=False).returncode  # noqa: S603 - our own

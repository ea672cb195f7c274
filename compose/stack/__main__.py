"""The command line: `python -m compose.stack up`, `… load`."""

import argparse
import sys
from pathlib import Path

from . import manage, up
from .folder import usual_folder
from .load import command as load
from .plan import ProgramMissing
from .reading import ComposeError


def main() -> int:
    """Do what is asked; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m compose.stack", description=__doc__)
    parser.add_argument(
        "--data",
        type=Path,
        default=usual_folder(),
        help="the folder for all data and logs (default: %(default)s)",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (up, load, manage):
        command.declare(commands)
    options = parser.parse_args()
    try:
        return int(options.run(options))
    except (ComposeError, ProgramMissing) as error:
        sys.stderr.write(f"{error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())

"""`python -m compose.stack manage …`: a management command in the site that runs."""

import argparse
from typing import Any

from .site import Site


def declare(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("manage", help="run a management command, such as: manage jobs list")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run it; returns its exit code."""
    arguments = options.arguments[1:] if options.arguments[:1] == ["--"] else options.arguments
    return Site.that_runs(options.data.resolve()).manage(arguments)

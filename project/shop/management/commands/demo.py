"""`manage.py demo`: see Taskyard at work, from nothing, in a minute."""

import os
import sys
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from shop.demo import broker
from shop.demo.errors import DemoError
from shop.demo.story import play
from shop.processes import leave_on_sigterm


def positive(text: str) -> int:
    """Read a number of seconds from the command line."""
    if not text.isdecimal() or int(text) == 0:
        raise ArgumentTypeError(f"“{text}” is not a number of seconds; write it like 300")
    return int(text)


class Command(BaseCommand):
    """Play the demo in a folder of its own."""

    help = "Import a year of orders, build a report and mail all receipts, with a worker of its own."
    # Checks open the database, and this one is about to be replaced.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Let the folder and the patience be chosen."""
        parser.add_argument(
            "--dir",
            type=Path,
            default=settings.PROJECT / "var" / "demo",
            help="the folder for database, report and mails; emptied first (default: %(default)s)",
        )
        parser.add_argument(
            "--deadline",
            type=positive,
            default=300,
            metavar="SECONDS",
            help="fail if the jobs take longer than this (default: %(default)s)",
        )

    def handle(self, **options: Any) -> None:
        """Play the demo; any failure is an error of this command."""
        folder = options["dir"].resolve()
        leave_on_sigterm()
        try:
            if folder != settings.VAR:
                start_over_in(folder)
            play(folder, options["deadline"])
        except DemoError as error:
            raise CommandError(str(error)) from None


def start_over_in(folder: Path) -> None:
    """Become the same command with the folder in the environment, where settings look for it.

    The process keeps its id, and the worker inherits the environment.
    """
    environment = {**os.environ, **broker.environment(), "SHOP_VAR": str(folder)}
    os.execve(sys.executable, sys.orig_argv, environment)  # noqa: S606 - our own command line

"""`manage.py nightly`: a day's roll-up by hand, beside the one that is scheduled for each night."""

from argparse import ArgumentTypeError
from datetime import date, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from shop.requests import request_roll_up


def iso_date(text: str) -> date:
    """Read a date from the command line."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"“{text}” is not a date; write it like 2025-12-24") from None


class Command(BaseCommand):
    """Enqueue the roll-up of a day."""

    help = "Enqueue the roll-up of yesterday's orders into the daily revenue."

    def add_arguments(self, parser: CommandParser) -> None:
        """Let another day be chosen."""
        parser.add_argument("--date", type=iso_date, metavar="YYYY-MM-DD", help="the day, if not yesterday")

    def handle(self, **options: Any) -> None:
        """Enqueue the job and name it."""
        day = options["date"] or timezone.localdate() - timedelta(days=1)
        [result] = request_roll_up([day])
        self.stdout.write(f"The roll-up of {day} is job {result.id}.")

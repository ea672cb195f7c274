"""`manage.py prune_jobs`: delete finished jobs."""

from collections.abc import Callable
from typing import Any

from django.core.management.base import CommandError, CommandParser

from taskyard.database import DatabaseNow
from taskyard.operating.deeds import delete_jobs
from taskyard.operating.presenting import span
from taskyard.operating.terminal.bulk import add_bulk_options, confirm, jobs_in_words, with_progress
from taskyard.operating.terminal.command import OperatorCommand
from taskyard.operating.terminal.filters import add_filters, reading, search_of
from taskyard.operating.terminal.operator import operator_of
from taskyard.operating.words import read_age
from taskyard.retention import past_retention, prune
from taskyard.states import FINISHED


class Command(OperatorCommand):
    """Delete finished jobs in small batches."""

    help = (
        "Delete the jobs that are past their retention, as every worker does by and by. With --older-than, "
        "delete finished jobs by age instead, whatever their retention."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--older-than",
            type=reading(read_age),
            metavar="AGE",
            help="Those that finished longer ago than this: 90s, 30m, 2h, 7d or 4w.",
        )
        add_filters(parser)
        add_bulk_options(parser)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Delete, count, or ask."""
        if options["older_than"] is None:
            self._by_retention(options)
        else:
            self._by_age(options)

    def _by_retention(self, options: dict[str, Any]) -> None:
        if not search_of(options).is_empty:
            raise CommandError("Filters go with --older-than; without it each job's retention decides.")
        count = past_retention().count()
        if not options["dry_run"]:
            count = with_progress("Prune", count, _prune)
        self._report(count, options)

    def _by_age(self, options: dict[str, Any]) -> None:
        ended = DatabaseNow() - options["older_than"]
        search = search_of(options)
        jobs = search.jobs().filter(state__in=FINISHED, finished_at__lt=ended)
        count = jobs.count()
        if count and not options["dry_run"]:
            confirm(f"Delete {jobs_in_words(count)} for good?", is_agreed=options["yes"])
            subject = f"{search}, finished over {span(options['older_than'])} ago"
            operator = operator_of(options)
            count = with_progress(
                "Delete", count, lambda advance: delete_jobs(operator, jobs, subject, advance)
            )
        self._report(count, options)

    def _report(self, count: int, options: dict[str, Any]) -> None:
        self.stdout.write(f"{jobs_in_words(count)} {'would be ' if options['dry_run'] else ''}deleted.")


def _prune(advance: Callable[[int], object]) -> int:
    deleted = 0
    while gone := prune():
        advance(gone)
        deleted += gone
    return deleted

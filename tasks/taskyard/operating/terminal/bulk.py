"""Doing something to many jobs: count first, ask, then show how far it is."""

import sys
from collections.abc import Callable

from django.core.management.base import CommandError, CommandParser
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from .operator import add_reason
from .screen import errors


def add_bulk_options(parser: CommandParser) -> None:
    """Declare the options of what is done to many jobs."""
    parser.add_argument("--dry-run", action="store_true", help="Only say how many jobs it would be.")
    parser.add_argument("--yes", action="store_true", help="Do not ask.")
    add_reason(parser)


def confirm(question: str, *, is_agreed: bool) -> None:
    """Go on only if somebody says so.

    Raises:
        CommandError: where nobody does.
    """
    if is_agreed:
        return
    if not sys.stdin.isatty():
        raise CommandError(f"{question} Nobody is there to answer; say --yes, or --dry-run to only count.")
    if input(f"{question} [y/N] ").strip().lower() not in {"y", "yes"}:
        raise CommandError("Nothing was done.")


def with_progress(what: str, total: int, work: Callable[[Callable[[int], object]], int]) -> int:
    """Do a long piece of work that tells how far it is, and return what it returns."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = errors()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task(what, total=total)
        return work(lambda done: progress.advance(bar, done))


def jobs_in_words(count: int) -> str:
    """Return so many jobs in words."""
    return "1 job" if count == 1 else f"{count:,} jobs"

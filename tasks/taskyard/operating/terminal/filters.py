"""The options by which commands choose jobs."""

import argparse
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.core.management.base import CommandError, CommandParser

from taskyard.operating.arguments import Argument, read_argument
from taskyard.operating.search import STATES, Search, read_state
from taskyard.operating.words import BadSearch, read_since, read_tag

T = TypeVar("T")


def add_filters(parser: CommandParser, *, by_backend: bool = True) -> None:
    """Declare the options; each may be given several times, any of its values then fits."""
    chosen = parser.add_argument_group("which jobs")
    chosen.add_argument("--task", action="append", default=[], help="Dotted path of the task, or its end.")
    chosen.add_argument("--queue", action="append", default=[])
    chosen.add_argument(
        "--state",
        action="append",
        default=[],
        type=reading(read_state),
        metavar="STATE",
        help=", ".join(STATES).lower(),
    )
    if by_backend:
        chosen.add_argument("--backend", action="append", default=[], help="Alias in settings.TASKS.")
    chosen.add_argument("--worker", action="append", default=[], help="Id of the worker that has or had it.")
    chosen.add_argument(
        "--tag", action="append", default=[], type=reading(read_tag), help="Several must all fit."
    )
    chosen.add_argument(
        "--since",
        type=reading(read_since),
        metavar="WHEN",
        help="Enqueued since: 30m, 2h, 7d, 2026-01-31 or 2026-01-31T14:30.",
    )
    chosen.add_argument(
        "--arg",
        action="append",
        default=[],
        type=reading(_argument),
        metavar="NAME=VALUE",
        help="Argument by name (order=42), place (0=42) or path (customer.id=7); several must all fit.",
    )


def search_of(options: Mapping[str, Any]) -> Search:
    """Return what the options say.

    Raises:
        CommandError: where they name an argument that is not shown.
    """
    search = Search(
        tasks=tuple(options["task"]),
        queues=tuple(options["queue"]),
        states=tuple(options["state"]),
        backends=tuple(options["backend"]),
        workers=tuple(options["worker"]),
        since=options["since"],
        tags=tuple(options["tag"]),
        arguments=tuple(options["arg"]),
    )
    try:
        search.refuse_hidden()
    except BadSearch as fault:
        raise CommandError(str(fault)) from fault
    return search


def reading(read: Callable[[str], T]) -> Callable[[str], T]:
    """Make a reader an argparse type, which says what is wrong in the reader's own words."""

    def read_option(text: str) -> T:
        try:
            return read(text)
        except BadSearch as fault:
            raise argparse.ArgumentTypeError(str(fault)) from fault

    return read_option


def _argument(text: str) -> Argument:
    path, equals, value = text.partition("=")
    if not equals:
        raise BadSearch(f"{text!r} has no value; write {text}=42.")
    return read_argument(path, value)

"""`manage.py jobs move`: from its options to its summary."""

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser, OutputWrapper
from django.db import close_old_connections

from taskyard.database import explained_errors, jobs_alias
from taskyard.models import Job
from taskyard.operating.deeds import on_jobs
from taskyard.operating.moving import CannotMove, Left, Move
from taskyard.operating.presenting import shown_state
from taskyard.operating.search import Search

from .bulk import confirm, jobs_in_words, with_progress
from .filters import search_of
from .operator import operator_of
from .screen import write_json

PAUSE = 1.0
"""Seconds between two rounds of --wait."""


def add_ends(parser: CommandParser) -> None:
    """Declare from where to where, and when it is over."""
    parser.add_argument(
        "--from",
        dest="source",
        required=True,
        metavar="ALIAS",
        help="The backend the jobs are on; TASKS need not name it any more.",
    )
    parser.add_argument(
        "--to", dest="target", required=True, metavar="ALIAS", help="The backend that is to run them."
    )
    over = parser.add_mutually_exclusive_group()
    over.add_argument("--limit", type=_number, metavar="N", help="So many jobs at most, oldest first.")
    over.add_argument(
        "--wait",
        action="store_true",
        help="Go on until no such job is left on --from, neither waiting nor running.",
    )


def move_jobs(stdout: OutputWrapper, ids: list[UUID], options: dict[str, Any]) -> None:
    """Move what the options say, and tell what was moved and what was left.

    Args:
        stdout: where to tell it.
        ids: of the jobs that were named; empty: all that are found.
        options: of the command.

    Raises:
        CommandError: where the target does not take the jobs, or a job that was named is not to be had.
    """
    to_move = Move(options["source"], options["target"])
    search = replace(search_of({**options, "backend": [to_move.source]}), ids=tuple(ids))
    _check(to_move, search)
    count = to_move.operation.to_many(search.jobs(), dry_run=True)
    count = count if options["limit"] is None else min(count, options["limit"])
    if options["dry_run"]:
        _report(stdout, to_move, search, count, options)
        return
    if count or options["wait"]:
        question = f"Move {jobs_in_words(count)} from {to_move.source!r} to {to_move.target!r}?"
        confirm(question, is_agreed=options["yes"])
    moved = _move(to_move, search, count, options)
    if options["wait"]:
        with suppress(KeyboardInterrupt):
            for more in _until_drained(to_move, search, options):
                moved += more
    _report(stdout, to_move, search, moved, options)
    _refuse_what_was_named(to_move, ids)


def _check(to_move: Move, search: Search) -> None:
    try:
        to_move.check(search.jobs())
    except CannotMove as fault:
        raise CommandError(str(fault)) from fault


def _move(to_move: Move, search: Search, count: int, options: dict[str, Any]) -> int:
    return with_progress(
        "Move",
        count,
        lambda advance: on_jobs(
            *(operator_of(options), to_move.operation, search.jobs(), f"{search}, to {to_move.target}"),
            limit=options["limit"],
            on_batch=lambda seen, _: advance(seen),
        ),
    )


def _until_drained(to_move: Move, search: Search, options: dict[str, Any]) -> Iterator[int]:
    """Move what came meanwhile, or came back from a worker, until nothing is left; yield how many it was."""
    while left := to_move.left(search.jobs()):
        if left.waiting:
            _check(to_move, search)
            yield _move(to_move, search, left.waiting, options)
        _pause()


def _pause() -> None:
    close_old_connections()
    time.sleep(PAUSE)


def _report(
    stdout: OutputWrapper, to_move: Move, search: Search, count: int, options: dict[str, Any]
) -> None:
    left, schedules = to_move.left(search.jobs()), to_move.schedules()
    if options["json"]:
        told = {"jobs": count, "dry_run": options["dry_run"], "waiting": left.waiting}
        write_json(stdout, [{**told, "running": left.running, "schedules": schedules}])
        return
    would_be = " would be" if options["dry_run"] else ""
    stdout.write(f"{jobs_in_words(count)}{would_be} {to_move.operation.done}.")
    for line in _what_stays(to_move, left, schedules, is_moved=not options["dry_run"]):
        stdout.write(line)


def _what_stays(to_move: Move, left: Left, schedules: list[str], *, is_moved: bool) -> Iterator[str]:
    if left.waiting and is_moved:
        yield (
            f"{jobs_in_words(left.waiting)} of them still waiting on {to_move.source!r}: over the limit, "
            "enqueued meanwhile, or in a dispatcher's hands just now. Move them next, or say --wait."
        )
    if left.running:
        yield (
            f"{jobs_in_words(left.running)} running on {to_move.source!r}: they end there. What is to run "
            "again waits there for it: move once more, or say --wait."
        )
    if schedules:
        yield (
            f"Schedules that go on enqueueing on {to_move.source!r}: {', '.join(schedules)}. See: "
            "manage.py schedules move"
        )


def _refuse_what_was_named(to_move: Move, ids: list[UUID]) -> None:
    with explained_errors():
        stayed = Job.objects.using(jobs_alias()).filter(pk__in=ids).exclude(backend=to_move.target)
        lines = [f"Not moved: {job.pk} is {shown_state(job)} on {job.backend!r}." for job in stayed]
    if lines:
        raise CommandError("\n".join(lines))


def _number(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise ValueError
    return number

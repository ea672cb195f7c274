"""`manage.py jobs`: look at jobs and steer them."""

from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from taskyard.compat import TaskResultDoesNotExist
from taskyard.exceptions import UniqueConflict
from taskyard.ids import parse_job_id
from taskyard.models import Job
from taskyard.operating.deeds import MOVE, on_job, on_jobs
from taskyard.operating.operations import CANCEL, RETRY, RUN_NOW, Operation, explain_conflict
from taskyard.operating.presenting import as_data, shown_state
from taskyard.operating.terminal.bulk import add_bulk_options, confirm, jobs_in_words, with_progress
from taskyard.operating.terminal.command import OperatorCommand
from taskyard.operating.terminal.filters import add_filters, reading, search_of
from taskyard.operating.terminal.job_pages import job_list, job_page, where_it_ends
from taskyard.operating.terminal.moving import add_ends, move_jobs
from taskyard.operating.terminal.operator import operator_of
from taskyard.operating.terminal.screen import screen, write_json
from taskyard.operating.terminal.watching import watch_job, watch_jobs
from taskyard.operating.words import BadSearch
from taskyard.results import find_job

OPERATIONS = {operation.name: operation for operation in (RETRY, CANCEL, RUN_NOW)}

MOST_ROWS = 10_000
"""Of one page; --before leads on."""

HELP = {
    RETRY.name: "Run finished jobs once more, their history kept.",
    CANCEL.name: "Cancel jobs that wait, and have those stopped that run.",
    RUN_NOW.name: "Let jobs that wait for their time, or their next attempt, start at once.",
}


class Command(OperatorCommand):
    """List, show, watch, retry, cancel, hurry and move jobs."""

    help = "Look at jobs and steer them."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the subcommands and their options."""
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        listing = actions.add_parser("list", help="List jobs, newest first.")
        add_filters(listing)
        _add_limit(listing)
        listing.add_argument("--before", type=reading(_job_id), metavar="ID", help="Go on behind this job.")
        _add_json(listing)
        showing = actions.add_parser("show", help="Show all there is to know about a job.")
        showing.add_argument("id")
        _add_json(showing)
        watching = actions.add_parser("watch", help="Watch a job until it is finished, or jobs until Ctrl-C.")
        watching.add_argument("id", nargs="?")
        add_filters(watching)
        _add_limit(watching)
        for name in OPERATIONS:
            operating = actions.add_parser(name, help=HELP[name])
            operating.add_argument("ids", nargs="*", metavar="ID")
            add_filters(operating)
            operating.add_argument("--all", action="store_true", help="All jobs, where no filter is given.")
            add_bulk_options(operating)
            _add_json(operating)

        moving = actions.add_parser(MOVE, help="Hand jobs that wait on one backend to another.")
        moving.add_argument("ids", nargs="*", type=reading(_job_id), metavar="ID")
        add_ends(moving)
        add_filters(moving, by_backend=False)
        add_bulk_options(moving)
        _add_json(moving)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Do what was asked."""
        match options["action"]:
            case "list":
                self._list(options)
            case "show":
                self._show(options)
            case "watch":
                self._watch(options)
            case "move":
                move_jobs(self.stdout, options["ids"], options)
            case name if options["ids"]:
                self._steer_named(OPERATIONS[name], options)
            case name:
                self._steer_found(OPERATIONS[name], options)

    def _list(self, options: dict[str, Any]) -> None:
        page = search_of(options).page(options["before"], options["limit"], is_whole=options["json"])
        if options["json"]:
            write_json(self.stdout, map(as_data, page.jobs))
            return
        console = screen(self.stdout, options)
        if page.jobs:
            console.print(job_list(page.jobs, console.width))
        if ending := where_it_ends(page):
            console.print(ending)

    def _show(self, options: dict[str, Any]) -> None:
        job = _found(options["id"])
        if options["json"]:
            write_json(self.stdout, [as_data(job)])
        else:
            screen(self.stdout, options).print(job_page(job))

    def _watch(self, options: dict[str, Any]) -> None:
        console = screen(self.stdout, options)
        if options["id"] is None:
            watch_jobs(console, search_of(options), options["limit"])
        elif watch_job(console, _found(options["id"]).pk) != "successful":
            raise CommandError("The job did not succeed.")

    def _steer_named(self, operation: Operation, options: dict[str, Any]) -> None:
        jobs = [_found(text) for text in options["ids"]]
        operator = operator_of(options)
        refused = [job for job in jobs if not options["dry_run"] and not on_job(operator, operation, job)]
        self._report(operation, len(jobs) - len(refused), options)
        if refused:
            raise CommandError("\n".join(_why_not(operation, job) for job in refused))

    def _steer_found(self, operation: Operation, options: dict[str, Any]) -> None:
        search = search_of(options)
        if search.is_empty and not options["all"]:
            raise CommandError("Say which jobs: ids, filters, or --all.")
        count = operation.to_many(search.jobs(), dry_run=True)
        if options["dry_run"] or not count:
            self._report(operation, count, options)
            return
        confirm(f"{operation.title} {jobs_in_words(count)}?", is_agreed=options["yes"])
        done = with_progress(
            operation.title,
            count,
            lambda advance: on_jobs(
                *(operator_of(options), operation, search.jobs(), str(search)),
                on_batch=lambda seen, _: advance(seen),
            ),
        )
        self._report(operation, done, options)
        if done < count and not options["json"]:
            self.stdout.write(
                f"{jobs_in_words(count - done)} had moved on, or another job has the same unique key."
            )

    def _report(self, operation: Operation, count: int, options: dict[str, Any]) -> None:
        if options["json"]:
            write_json(self.stdout, [{"jobs": count, "dry_run": options["dry_run"]}])
        elif options["dry_run"]:
            self.stdout.write(f"{jobs_in_words(count)} would be {operation.done}.")
        else:
            self.stdout.write(f"{jobs_in_words(count)} {operation.done}.")


def _why_not(operation: Operation, job: Job) -> str:
    """Say what keeps an operation from a job."""
    if operation is RETRY:
        try:
            explain_conflict(job)
        except UniqueConflict as conflict:
            return str(conflict)
    return f"Not {operation.done}: {job.pk} is {shown_state(find_job(job.pk))}."


def _found(text: str) -> Job:
    try:
        return find_job(text)
    except TaskResultDoesNotExist as fault:
        raise CommandError(str(fault)) from fault


def _job_id(text: str) -> UUID:
    found = parse_job_id(text)
    if found is None:
        raise BadSearch(f"{text!r} is no job's id.")
    return found


def _add_limit(parser: CommandParser) -> None:
    parser.add_argument(
        "--limit", type=reading(_rows), default=20, metavar="N", help="Rows at most (default: %(default)s)."
    )


def _rows(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text[:9]) <= MOST_ROWS:
        raise BadSearch(f"{text!r}: give a whole number from 1 to {MOST_ROWS:,}.")
    return int(text)


def _add_json(parser: CommandParser) -> None:
    parser.add_argument("--json", action="store_true", help="Write JSON, an object a line.")

"""`manage.py schedules`: look at schedules, pause, resume, run and move them."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from django.core.management.base import CommandError, CommandParser
from rich.table import Table

from taskyard.database import explained_errors, jobs_alias
from taskyard.models import Schedule
from taskyard.operating.audit import Operator
from taskyard.operating.deeds import move_schedules, pause_schedules, resume_schedules, run_schedule
from taskyard.operating.presenting import age, as_call, span
from taskyard.operating.redaction import redacted_schedule
from taskyard.operating.terminal.bulk import confirm
from taskyard.operating.terminal.command import OperatorCommand
from taskyard.operating.terminal.operator import add_reason, operator_of
from taskyard.operating.terminal.screen import plain, screen, state, table, write_json
from taskyard.schedules.calls import ScheduleFault
from taskyard.schedules.control import next_runs
from taskyard.schedules.showing import (
    as_data,
    shown_condition,
    shown_next_runs,
    shown_slot,
    shown_times,
)
from taskyard.schedules.synchronising import changed_by_hand

RUNS_SHOWN = 5


class Command(OperatorCommand):
    """List, show, pause, resume, run and move schedules."""

    help = "Look at schedules, pause, resume, run and move them."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the subcommands and their options."""
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        listing = actions.add_parser("list", help="List the schedules, the next to fire first.")
        listing.add_argument("--task", action="append", default=[], help="Only of this task.")
        _add_json(listing)
        showing = actions.add_parser("show", help="Show all about a schedule, its next runs included.")
        showing.add_argument("name", metavar="NAME")
        _add_json(showing)
        for action, what in (
            ("pause", "Let schedules fire no more until they are resumed."),
            ("resume", "Let paused schedules fire again, from now on."),
            ("run", "Enqueue the jobs of schedules now, beside their slots."),
            ("move", "Have schedules that name one backend enqueue on another."),
        ):
            acting = actions.add_parser(action, help=what)
            acting.add_argument("names", nargs="*", metavar="NAME")
            acting.add_argument("--all", action="store_true", help="All schedules.")
            acting.add_argument("--dry-run", action="store_true", help="Only say which it would be.")
            acting.add_argument("--yes", action="store_true", help="Do not ask.")
            if action == "move":
                acting.add_argument("--from", dest="source", required=True, metavar="ALIAS")
                acting.add_argument("--to", dest="target", required=True, metavar="ALIAS")
            add_reason(acting)
            _add_json(acting)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Do what was asked."""
        match options["action"]:
            case "list":
                self._list(options)
            case "show":
                self._show(options)
            case "pause":
                self._change(pause_schedules, "paused", options)
            case "resume":
                self._change(resume_schedules, "resumed", options)
            case "run":
                self._run(options)
            case "move":
                self._move(options)

    # --- looking ---

    def _list(self, options: dict[str, Any]) -> None:
        schedules = _schedules()
        if options["task"]:
            schedules = [each for each in schedules if each.task in options["task"]]
        if options["json"]:
            write_json(self.stdout, map(as_data, schedules))
            return
        if not schedules:
            self.stdout.write("No schedules.")
            return
        rows = table("Name", "State", "Times", "Next", "Last fired", "Late by", "Last success")
        for each in schedules:
            is_active = each.paused_at is None
            rows.add_row(
                plain(each.name),
                state(shown_condition(each)),
                shown_times(each),
                age(each.next_slot) if is_active else "",
                age(each.last_fired_at),
                "" if each.lateness is None else span(each.lateness),
                age(each.last_success_at),
            )
        console = screen(self.stdout, options)
        console.print(rows)
        for each in schedules:
            if each.fault:
                console.print(plain(f"{each.name}: {each.fault}"))

    def _show(self, options: dict[str, Any]) -> None:
        [schedule] = _named([options["name"]])
        if options["json"]:
            runs = [] if schedule.fault else [each.isoformat() for each in next_runs(schedule, RUNS_SHOWN)]
            write_json(self.stdout, [as_data(schedule) | {"next_runs": runs}])
            return
        facts = Table.grid(padding=(0, 2))
        facts.add_column(style="dim", no_wrap=True)
        facts.add_column(overflow="fold")
        for name, value in _facts(schedule):
            if value:
                facts.add_row(name, plain(value))
        screen(self.stdout, options).print(facts)

    # --- steering ---

    def _change(
        self, change: Callable[[Operator, list[str]], int], done: str, options: dict[str, Any]
    ) -> None:
        names = self._chosen(options)
        count = 0 if options["dry_run"] else change(operator_of(options), names)
        self._report(names if options["dry_run"] else [], count, done, options)

    def _move(self, options: dict[str, Any]) -> None:
        ends = {"source": options["source"], "target": options["target"]}
        try:
            self._change(partial(move_schedules, **ends), f"moved to {options['target']!r}", options)
        except ScheduleFault as fault:
            raise CommandError(str(fault)) from fault

    def _run(self, options: dict[str, Any]) -> None:
        names = self._chosen(options)
        if options["dry_run"]:
            self._report(names, 0, "run", options)
            return
        faults = []
        for name in names:
            try:
                job = run_schedule(operator_of(options), name)
            except ScheduleFault as fault:
                faults.append(f"{name} cannot run: {fault}")
                continue
            if options["json"]:
                write_json(self.stdout, [{"name": name, "job": job.id}])
            else:
                self.stdout.write(f"{name}: job {job.id}")
        if faults:
            raise CommandError("\n".join(faults))

    def _chosen(self, options: dict[str, Any]) -> list[str]:
        if bool(options["names"]) == options["all"]:
            raise CommandError("Say which schedules: names, or --all.")
        if options["names"]:
            return [each.name for each in _named(options["names"])]
        names = [each.name for each in _schedules() if options.get("source") in {None, each.backend}]
        if names and not options["dry_run"]:
            question = f"{options['action'].capitalize()} {_in_words(len(names))}?"
            confirm(question, is_agreed=options["yes"])
        return names

    def _report(self, would_be: list[str], count: int, done: str, options: dict[str, Any]) -> None:
        if options["json"]:
            shown = len(would_be) if options["dry_run"] else count
            write_json(self.stdout, [{"schedules": shown, "dry_run": options["dry_run"]}])
        elif options["dry_run"]:
            self.stdout.write(f"{_in_words(len(would_be))} would be {done}.")
        else:
            self.stdout.write(f"{_in_words(count)} {done}.")


def _facts(schedule: Schedule) -> Iterator[tuple[str, str]]:
    yield "name", schedule.name
    yield "state", shown_condition(schedule)
    yield "fault", schedule.fault
    yield "task", schedule.task
    yield "arguments", as_call(*redacted_schedule(schedule))
    yield "times", shown_times(schedule)
    window = f", up to {span(schedule.catch_up_window)} old" if schedule.catch_up_window else ""
    yield "missed slots", f"{schedule.get_missed_display()}{window}"
    yield "overlap", schedule.get_overlap_display()
    yield "jitter", span(schedule.jitter) if schedule.jitter else ""
    yield "queue", schedule.queue
    yield "priority", "" if schedule.priority is None else str(schedule.priority)
    yield "backend", schedule.backend
    yield "paused", age(schedule.paused_at)
    yield "last slot", shown_slot(schedule, schedule.last_slot) if schedule.last_slot else ""
    yield "fired", age(schedule.last_fired_at)
    yield "late by", "" if schedule.lateness is None else span(schedule.lateness)
    yield "last success", age(schedule.last_success_at)
    yield "declared", "by hand" if schedule.declared is None else "in the code"
    yield "changed by hand", ", ".join(changed_by_hand(schedule))
    yield "next runs", "\n".join(shown_next_runs(schedule, RUNS_SHOWN))


def _schedules() -> list[Schedule]:
    with explained_errors():
        rows = list(Schedule.objects.using(jobs_alias()).order_by("name"))
    return sorted(rows, key=lambda each: (each.paused_at is not None, str(each.next_slot or ""), each.name))


def _named(names: list[str]) -> list[Schedule]:
    known = {each.name: each for each in _schedules()}
    if unknown := [name for name in names if name not in known]:
        raise CommandError(
            f"No schedule is called {', '.join(unknown)}. There are: {', '.join(sorted(known)) or 'none'}."
        )
    return [known[name] for name in names]


def _in_words(count: int) -> str:
    return "1 schedule" if count == 1 else f"{count:,} schedules"


def _add_json(parser: CommandParser) -> None:
    parser.add_argument("--json", action="store_true", help="Write JSON, an object a line.")

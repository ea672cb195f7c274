"""`manage.py workers`: look at the processes that run jobs, quiet and stop them."""

import getpass
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.template.defaultfilters import filesizeformat

from taskyard.operating.audit import COMMAND_LINE, Operator, recorded_with
from taskyard.operating.presenting import age
from taskyard.operating.terminal.command import OperatorCommand
from taskyard.operating.terminal.screen import plain, screen, state, table, write_json
from taskyard_workers.fleet import WorkerStatus, quiet, stop, wake, worker_statuses

STEERING = {
    "quiet": (
        quiet,
        "Have workers claim no more jobs; what runs goes on, and they stay.",
        "will claim no more",
    ),
    "wake": (wake, "Have quiet workers claim jobs again.", "will claim again"),
    "stop": (stop, "Have workers stop as by SIGTERM, for good.", "will stop"),
}
"""What may be asked of workers: how, for whom it is, and what then happens."""


class Command(OperatorCommand):
    """List, quiet, wake and stop workers."""

    help = "Look at the processes that run jobs, quiet and stop them."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the subcommands and their options."""
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        listing = actions.add_parser("list", help="List the workers, and the lost ones of the last day.")
        listing.add_argument("--json", action="store_true", help="Write JSON, an object a line.")
        for name, (_, explanation, _) in STEERING.items():
            steering = actions.add_parser(name, help=explanation)
            steering.add_argument(
                "workers", nargs="*", metavar="WORKER", help="The id, name or group of processes."
            )
            steering.add_argument("--all", action="store_true", help="All there are.")
            steering.add_argument("--reason", default="", help="Why, for the audit.")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Do what was asked."""
        if options["action"] == "list":
            self._list(options)
        else:
            self._steer(options)

    def _list(self, options: dict[str, Any]) -> None:
        statuses = worker_statuses()
        if options["json"]:
            write_json(self.stdout, map(_as_data, statuses))
            return
        rows = table(
            *("Worker", "Backend", "State", "Asked to", "Busy", "Queues"),
            *("Version", "Memory", "Started", "Last claim", "Last beat"),
            right=("Busy", "Memory"),
        )
        for each in statuses:
            process = each.process
            rows.add_row(
                plain(process.id),
                process.backend,
                state(each.state),
                each.wish,
                f"{each.running}/{process.concurrency}",
                plain(", ".join(process.queues)) or "all",
                plain(process.version),
                "" if process.memory is None else filesizeformat(process.memory),
                age(process.started_at),
                age(process.claimed_at),
                age(process.beat_at),
            )
        console = screen(self.stdout, options)
        if statuses:
            console.print(rows)
        else:
            console.print("No worker runs. Start one: python manage.py worker")

    def _steer(self, options: dict[str, Any]) -> None:
        ask, _, consequence = STEERING[options["action"]]
        chosen = _chosen(options)
        operator = Operator(getpass.getuser(), COMMAND_LINE, options["reason"])
        subject = "all workers" if options["all"] else f"workers {', '.join(options['workers'])}"
        with recorded_with(operator, options["action"], subject) as tally:
            tally.add(ask(chosen))
        processes = "1 process" if tally.count == 1 else f"{tally.count} processes"
        self.stdout.write(f"{processes} {consequence}.")


def _chosen(options: dict[str, Any]) -> list[str]:
    """Return the ids of the living processes that are meant.

    Raises:
        CommandError: where nobody is meant, or somebody who is not there.
    """
    living = [status.process for status in worker_statuses() if status.state != "lost"]
    if options["all"]:
        return [process.id for process in living]
    if not options["workers"]:
        raise CommandError("Name workers by id, name or group (see: workers list), or say --all.")
    called = {word: [each.id for each in living if word in (each.id, each.name, each.group)]
              for word in options["workers"]}  # fmt: skip
    if unknown := [word for word, ids in called.items() if not ids]:
        raise CommandError(f"No living worker is called {', '.join(unknown)}. See: workers list.")
    return [process_id for ids in called.values() for process_id in ids]


def _as_data(status: WorkerStatus) -> dict[str, Any]:
    process = status.process
    return {
        "id": process.id,
        "name": process.name,
        "group": process.group,
        "backend": process.backend,
        "host": process.host,
        "pid": process.pid,
        "queues": process.queues,
        "concurrency": process.concurrency,
        "running": status.running,
        "state": status.state,
        "wish": status.wish,
        "version": process.version,
        "memory": process.memory,
        "started_at": process.started_at.isoformat(),
        "claimed_at": process.claimed_at.isoformat() if process.claimed_at else None,
        "beat_at": process.beat_at.isoformat(),
        "lost_at": process.lost_at.isoformat() if process.lost_at else None,
    }

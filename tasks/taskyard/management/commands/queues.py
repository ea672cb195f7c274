"""`manage.py queues`: look at queues, pause and resume them."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from taskyard.operating.deeds import pause_queue, resume_queue
from taskyard.operating.presenting import age
from taskyard.operating.queues import QueueStatus, queue_statuses
from taskyard.operating.terminal.command import OperatorCommand
from taskyard.operating.terminal.operator import add_reason, operator_of
from taskyard.operating.terminal.screen import plain, screen, state, table, write_json


class Command(OperatorCommand):
    """List, pause and resume queues."""

    help = "Look at queues, pause and resume them."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the subcommands and their options."""
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        listing = actions.add_parser("list", help="List the queues with what waits and runs.")
        listing.add_argument("--json", action="store_true", help="Write JSON, an object a line.")
        pausing = actions.add_parser(
            "pause", help="Start no more jobs of these queues, on any backend; running ones finish."
        )
        resuming = actions.add_parser("resume", help="Start jobs of these queues again.")
        for steering in (pausing, resuming):
            steering.add_argument("names", nargs="+", metavar="QUEUE")
            steering.add_argument("--by", default="", help="Who wants it (default: your login).")
            add_reason(steering)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Do what was asked."""
        match options["action"]:
            case "list":
                self._list(options)
            case "pause":
                self._pause(options)
            case "resume":
                self._resume(options)

    def _list(self, options: dict[str, Any]) -> None:
        statuses = queue_statuses()
        if options["json"]:
            write_json(self.stdout, map(_as_data, statuses))
            return
        rows = table(
            *("Queue", "Backend", "State", "Waiting", "Oldest", "Later", "Running"),
            right=("Waiting", "Later", "Running"),
        )
        for each in statuses:
            rows.add_row(
                plain(each.name),
                each.backend,
                state("paused" if each.paused else "open"),
                str(each.waiting),
                age(each.oldest),
                str(each.later),
                f"{each.running:,}",
            )
        console = screen(self.stdout, options)
        console.print(rows)
        for name, paused in {each.name: each.paused for each in statuses if each.paused}.items():
            by = f" by {paused.paused_by}" if paused.paused_by else ""
            console.print(plain(f"{name} was paused {age(paused.paused_at)}{by}."))

    def _pause(self, options: dict[str, Any]) -> None:
        self._warn_of_unknown(options["names"])
        operator = operator_of(options)
        for name in options["names"]:
            news = "is paused" if pause_queue(operator, name) else "was paused already"
            self.stdout.write(f"{name} {news}.")

    def _resume(self, options: dict[str, Any]) -> None:
        unpaused = []
        for name in options["names"]:
            if resume_queue(operator_of(options), name):
                self.stdout.write(f"{name} is resumed.")
            else:
                unpaused.append(name)
        if unpaused:
            raise CommandError(f"Not paused: {', '.join(unpaused)}.")

    def _warn_of_unknown(self, names: list[str]) -> None:
        known = {each.name for each in queue_statuses()}
        if unknown := [name for name in names if name not in known]:
            self.stderr.write(
                f"No backend of this site names {', '.join(unknown)}, and no job waits there. Known: "
                f"{', '.join(sorted(known))}."
            )


def _as_data(status: QueueStatus) -> dict[str, Any]:
    paused = status.paused
    return {
        "queue": status.name,
        "backend": status.backend,
        "waiting": int(status.waiting),
        "waiting_is_capped": status.waiting.is_capped,
        "oldest": status.oldest and status.oldest.isoformat(),
        "later": int(status.later),
        "later_is_capped": status.later.is_capped,
        "running": status.running,
        "paused_at": paused.paused_at.isoformat() if paused else None,
        "paused_by": paused.paused_by if paused else None,
    }

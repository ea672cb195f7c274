"""`manage.py workers`: look at the processes that run jobs."""

from typing import Any

from django.core.management.base import CommandParser

from taskyard.operating.presenting import age
from taskyard.operating.terminal.command import OperatorCommand
from taskyard.operating.terminal.screen import plain, screen, state, table, write_json
from taskyard_workers.fleet import WorkerStatus, worker_statuses


class Command(OperatorCommand):
    """List workers."""

    help = "Look at the processes that run jobs."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the subcommands and their options."""
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        listing = actions.add_parser("list", help="List the workers, and the lost ones of the last day.")
        listing.add_argument("--json", action="store_true", help="Write JSON, an object a line.")

    def handle(self, *_args: Any, **options: Any) -> None:
        """List."""
        statuses = worker_statuses()
        if options["json"]:
            write_json(self.stdout, map(_as_data, statuses))
            return
        rows = table("Worker", "Backend", "State", "Busy", "Queues", "Started", "Last beat", right=("Busy",))
        for each in statuses:
            process = each.process
            rows.add_row(
                plain(process.id),
                process.backend,
                state(each.state),
                f"{each.running}/{process.concurrency}",
                plain(", ".join(process.queues)) or "all",
                age(process.started_at),
                age(process.beat_at),
            )
        console = screen(self.stdout, options)
        if statuses:
            console.print(rows)
        else:
            console.print("No worker runs. Start one: python manage.py worker")


def _as_data(status: WorkerStatus) -> dict[str, Any]:
    process = status.process
    return {
        "id": process.id,
        "name": process.name,
        "backend": process.backend,
        "host": process.host,
        "pid": process.pid,
        "queues": process.queues,
        "concurrency": process.concurrency,
        "running": status.running,
        "state": status.state,
        "started_at": process.started_at.isoformat(),
        "beat_at": process.beat_at.isoformat(),
        "lost_at": process.lost_at.isoformat() if process.lost_at else None,
    }

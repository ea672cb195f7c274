"""What came of a load, as a table."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from .account import Sheet

SHOWN = 20
"""So many faults are shown; there may be more."""

screen = Console(highlight=False, soft_wrap=True, width=max(Console().width, 100))


def say(sentence: str) -> None:
    """Say what happens."""
    screen.print(sentence, markup=False)


def tell(
    sheets: Mapping[str, Sheet], seconds: float, of_the_shop: int, mails: int, faults: Sequence[str]
) -> None:
    """Show the account."""
    columns = (
        "engine",
        "enqueued",
        "successful",
        "failed",
        "others",
        "runs",
        "lost runs",
        "jobs/s",
        "p50",
        "p99",
    )
    table = Table(*columns, title="Picked up within, in seconds: p50, p99", title_justify="left")
    for name, sheet in sorted(sheets.items()):
        states = dict(sheet.states)
        successful, failed = states.pop("SUCCESSFUL", 0), states.pop("FAILED", 0)
        numbers = (sheet.enqueued, successful, failed, sum(states.values()), sheet.runs, sheet.lost_runs)
        times = (sheet.enqueued / seconds, sheet.wait(0.5), sheet.wait(0.99))
        table.add_row(name, *map(str, numbers), f"{times[0]:.1f}", *(f"{each:.3f}" for each in times[1:]))
    screen.print(table)
    total = sum(sheet.enqueued for sheet in sheets.values())
    say(f"{total} jobs of the load, {of_the_shop} of the shop, {mails} mails.")
    for fault in faults[:SHOWN]:
        say(f"! {fault}")
    more = f" ({len(faults) - SHOWN} more)" if len(faults) > SHOWN else ""
    say(
        f"{len(faults)} faults{more}."
        if faults
        else "Every job is accounted for: none lost, none run more often than it had to be."
    )

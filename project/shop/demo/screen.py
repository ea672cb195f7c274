"""What the terminal shows while the jobs run, and the table at the end."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from .groups import Group


class Screen(Protocol):
    """Something that can show how far a group is."""

    def show(self, group: Group) -> None:
        """Show it."""


class Bars:
    """A live bar for each group."""

    def __init__(self, progress: Progress) -> None:
        """Draw on a display of rich's."""
        self._progress = progress
        self._bars: dict[str, TaskID] = {}

    def show(self, group: Group) -> None:
        """Move the group's bar."""
        if group.name not in self._bars:
            self._bars[group.name] = self._progress.add_task(group.name)
        done, total = group.progress
        self._progress.update(self._bars[group.name], completed=done, total=total)


class Lines:
    """A line at every quarter of the way, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        """Print on the console."""
        self._console = console
        self._quarters: dict[str, int] = {}

    def show(self, group: Group) -> None:
        """Print a line if the group has got a quarter further."""
        done, total = group.progress
        quarter = 4 * done // total
        if self._quarters.get(group.name) != quarter:
            self._quarters[group.name] = quarter
            self._console.print(f"{group.name}: {done:,} of {total:,}")


@contextmanager
def open_screen(console: Console) -> Iterator[Screen]:
    """Yield bars on a terminal, lines elsewhere."""
    if not console.is_terminal:
        yield Lines(console)
        return
    columns = (TextColumn("{task.description:<24}"), BarColumn(32), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        yield Bars(progress)


def table_of(groups: Sequence[Group]) -> Table:
    """Return the table of what ran."""
    table = Table("Task")
    for heading in ("Jobs", "Succeeded", "Failed", "Seconds"):
        table.add_column(heading, justify="right")
    for group in groups:
        failed = len(group.failed)
        numbers = (len(group.results), group.done - failed, failed)
        table.add_row(group.name, *(f"{number:,}" for number in numbers), f"{group.seconds:.1f}")
    return table

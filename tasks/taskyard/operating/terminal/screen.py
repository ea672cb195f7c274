"""Where commands write: tables for people, lines of JSON for programs."""

import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

from django.core.management.base import OutputWrapper
from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDE = 500
"""Columns of a line that goes to no terminal, so that programs find a row on a line."""

STYLES = {
    "running": "cyan",
    "cancelling": "yellow",
    "retrying": "yellow",
    "paused": "yellow",
    "successful": "green",
    "alive": "green",
    "active": "green",
    "failed": "bold red",
    "lost": "bold red",
    "faulty": "bold red",
    "silent": "yellow",
    "cancelled": "dim",
}


def screen(stdout: OutputWrapper, options: Mapping[str, Any]) -> Console:
    """Return what writes tables to a command's output."""
    stdout.ending = ""  # rich ends its lines itself
    file: Any = stdout
    return _console(file, is_plain=bool(options.get("no_color")))


def errors() -> Console:
    """Return what writes progress bars, beside the output."""
    return _console(sys.stderr, is_plain=False)


def _console(file: TextIO, *, is_plain: bool) -> Console:
    width = None if file.isatty() else WIDE
    return Console(file=file, width=width, no_color=is_plain, markup=False, highlight=False, emoji=False)


def table(*headings: str, right: Iterable[str] = ()) -> Table:
    """Return an empty table; the columns named in `right` hold numbers."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading in headings:
        is_id = heading == "ID"
        made.add_column(
            heading, justify="right" if heading in right else "left", no_wrap=is_id, overflow="fold"
        )
    return made


def state(word: str) -> Text:
    """Return a state in its colour."""
    return Text(word, STYLES.get(word.strip(), ""))


def plain(text: str) -> str:
    """Return text without what a terminal would take for a command: jobs may hold anything."""
    return "".join(
        char if char.isprintable() or char == "\n" else "\N{REPLACEMENT CHARACTER}" for char in text
    )


def write_json(stdout: OutputWrapper, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write an object a line."""
    for row in rows:
        stdout.write(json.dumps(row, ensure_ascii=False), ending="\n")

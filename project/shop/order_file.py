"""An order file as a stream of lines, each read or refused on its own."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .rows import COLUMNS, OrderRow, Problem, RowRejectedError, read_row


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the file: its row, or what keeps it from being one."""

    number: int
    row: OrderRow | None = None
    problems: list[Problem] = field(default_factory=list)


class WrongFileError(ValueError):
    """A file that holds no orders at all."""


def read_lines(file: Iterable[bytes]) -> Iterator[Line]:
    """Yield every line after the header, numbered as an editor numbers them."""
    lines = enumerate(file, start=1)
    check_header(next(lines, (1, b""))[1])
    seen: dict[tuple[str, str], int] = {}
    for number, raw in lines:
        if raw.strip():
            yield without_repetition(read_line(number, raw), seen)


def check_header(raw: bytes) -> None:
    """Raise WrongFileError unless the first line names the columns."""
    try:
        header = split(raw.decode("utf-8-sig"))
    except (UnicodeDecodeError, csv.Error):
        raise WrongFileError(
            "The first line is not UTF-8 text. Export the orders as “CSV UTF-8”, not as a workbook."
        ) from None
    if tuple(cell.strip() for cell in header) != COLUMNS:
        raise WrongFileError(f"The first line must name these columns, in this order: {', '.join(COLUMNS)}.")


def read_line(number: int, raw: bytes) -> Line:
    """Return one line, with its row or its problems."""
    try:
        return Line(number, read_row(split(raw.decode(errors="replace"))))
    except RowRejectedError as error:
        return Line(number, problems=error.problems)
    except csv.Error as error:
        start = raw[:80].decode(errors="replace")
        problem = Problem("", start, f"cannot be parsed: {error}", "Export the line again.")
        return Line(number, problems=[problem])


def split(text: str) -> list[str]:
    """Return the cells of a line.

    Each line is parsed alone, so that a stray quote spoils one line and not all that follow.
    """
    return next(csv.reader([text.rstrip("\r\n")]), [])


def without_repetition(line: Line, seen: dict[tuple[str, str], int]) -> Line:
    """Refuse a line that names a product its order already has; `seen` is kept up to date."""
    if line.row is None:
        return line
    first = seen.setdefault((line.row.order_number, line.row.sku), line.number)
    if first == line.number:
        return line
    problem = Problem(
        column="sku",
        value=line.row.sku,
        wrong=f"is in order {line.row.order_number} already, on line {first}",
        remedy="Delete the line, or add its quantity to the first one.",
    )
    return Line(line.number, problems=[problem])

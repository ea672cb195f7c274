"""One row of an order file: its columns, how each is read, and what to say when it cannot be."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from .countries import COUNTRIES
from .money import CURRENCY

UNDECODABLE = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True, slots=True)
class OrderRow:
    """A row that can be imported."""

    order_number: str
    order_date: date
    customer_name: str
    customer_email: str
    country: str
    sku: str
    product: str
    quantity: int
    unit_price: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one cell, or with the whole row when `column` is empty."""

    column: str
    value: str
    wrong: str
    remedy: str


class RowRejectedError(Exception):
    """A row that cannot be imported, with everything that is wrong with it."""

    def __init__(self, problems: list[Problem]) -> None:
        """Keep the problems."""
        super().__init__(problems)
        self.problems = problems


class CellRejectedError(Exception):
    """A cell that cannot be read: what is wrong and how to mend it."""

    def __init__(self, wrong: str, remedy: str) -> None:
        """Keep both halves of the message."""
        super().__init__(wrong, remedy)
        self.wrong = wrong
        self.remedy = remedy


def read_row(cells: list[str]) -> OrderRow:
    """Return the row that the cells spell, or raise RowRejectedError naming every bad cell."""
    if len(cells) != len(COLUMNS):
        raise RowRejectedError([wrong_width(cells)])
    values: dict[str, Any] = {}
    problems = []
    for column, cell in zip(COLUMNS, cells, strict=True):
        try:
            values[column] = read_cell(column, cell.strip())
        except CellRejectedError as error:
            problems.append(Problem(column, cell, error.wrong, error.remedy))
    if problems:
        raise RowRejectedError(problems)
    return OrderRow(**values)


def wrong_width(cells: list[str]) -> Problem:
    """Return the problem of a row that has too few or too many columns."""
    return Problem(
        column="",
        value=",".join(cells),
        wrong=f"has {len(cells)} columns instead of {len(COLUMNS)}",
        remedy="Export the line again; put texts that hold commas in double quotes.",
    )


def read_cell(column: str, text: str) -> Any:
    """Return the value of one cell."""
    if not text:
        raise CellRejectedError("is missing", "Fill it in; every column is needed.")
    if UNDECODABLE in text:
        raise CellRejectedError(
            "holds bytes that are not UTF-8", "Save the file as UTF-8 and check the letters."
        )
    return READERS[column](text)


def read_text(text: str) -> str:
    """Accept any text that fits in the database."""
    if len(text) > 120:
        raise CellRejectedError(f"is {len(text)} characters long", "Shorten it to 120 characters at most.")
    return text


def read_code(text: str) -> str:
    """Read an order number or an SKU."""
    if not re.fullmatch(r"[A-Z]{2,4}-\d{3,12}", text):
        raise CellRejectedError(
            "is not a code of letters, a hyphen and digits", "Write it like SO-100001 or KIT-101."
        )
    return text


def read_date(text: str) -> date:
    """Read an ISO date."""
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        raise CellRejectedError("is not a date like 2025-12-24", "Write year, month and day with hyphens.")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise CellRejectedError("is a day no calendar has", "Look up the real day of the order.") from None


def read_email(text: str) -> str:
    """Read an address; upper and lower case make no difference in ours."""
    try:
        validate_email(text)
    except ValidationError:
        raise CellRejectedError("is not an e-mail address", "Write it like name@example.com.") from None
    return text.lower()


def read_country(text: str) -> str:
    """Read the code of a country the shop ships to."""
    if text not in COUNTRIES:
        raise CellRejectedError(
            "is no country the shop ships to",
            "Use the two-letter ISO 3166 code, for example GB for the United Kingdom.",
        )
    return text


def read_quantity(text: str) -> int:
    """Read a number of pieces."""
    if not re.fullmatch(r"-?\d{1,6}", text):
        raise CellRejectedError("is not a whole number", "Write the number of pieces, like 2.")
    if int(text) < 1:
        raise CellRejectedError("is less than one piece", "Book returns as credits, not as orders.")
    return int(text)


def read_price(text: str) -> Decimal:
    """Read a price with at most two decimals and no decoration."""
    if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?", text):
        raise CellRejectedError("has a thousands separator", f"Write it as {text.replace(',', '')}.")
    if not re.fullmatch(r"\d{1,8}(\.\d{1,2})?", text):
        raise CellRejectedError("is not a price", "Write it with a decimal point, like 64.90.")
    if not (price := Decimal(text)):
        raise CellRejectedError("is nothing", "Leave gifts out of the file.")
    return price


def read_currency(text: str) -> str:
    """Accept the one currency the books are kept in."""
    if text != CURRENCY:
        raise CellRejectedError("is not the currency of the books", f"Convert the price to {CURRENCY}.")
    return text


READERS: dict[str, Callable[[str], Any]] = {
    "order_number": read_code,
    "order_date": read_date,
    "customer_name": read_text,
    "customer_email": read_email,
    "country": read_country,
    "sku": read_code,
    "product": read_text,
    "quantity": read_quantity,
    "unit_price": read_price,
    "currency": read_currency,
}
COLUMNS = tuple(READERS)

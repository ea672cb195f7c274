"""Long lists as CSV files, sent while they are read."""

import asyncio
import csv
import io
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

from django.db.models import QuerySet

from .models import ImportProblem, Order

logger = logging.getLogger(__name__)

BATCH = 500

Cells = Iterable[object]

ORDER_COLUMNS = ("number", "day", "customer", "country", "sku", "product", "quantity", "unit price")
PROBLEM_COLUMNS = ("line", "column", "value", "what is wrong", "what to do")


async def as_csv(
    columns: Cells, records: QuerySet[Any], rows_of: Callable[[Any], Iterable[Cells]]
) -> AsyncIterator[str]:
    """Yield a file in pieces, one for each batch of records.

    Each batch is a query of its own. So neither a cursor nor a transaction stays open while somebody on a
    slow line reads, and when they hang up there is nothing to tidy up: no further query is made.
    """
    sent, last = 0, 0
    try:
        yield as_text([columns])
        while batch := [record async for record in records.filter(pk__gt=last).order_by("pk")[:BATCH]]:
            sent, last = sent + len(batch), batch[-1].pk
            yield as_text(row for record in batch for row in rows_of(record))
    except (asyncio.CancelledError, GeneratorExit):
        # The reader has gone: the first of these where we waited for the database, the second where the
        # server waited for the reader. Both must go on to whoever cancels us.
        logger.info("A download was broken off after %s records.", sent)
        raise


def order_rows(order: Order) -> Iterable[Cells]:
    """Return a row for each line of an order."""
    for line in order.lines.all():
        yield (
            order.number,
            order.ordered_on,
            order.customer.name,
            order.customer.country,
            line.product.sku,
            line.product.name,
            line.quantity,
            line.unit_price,
        )


def problem_rows(problem: ImportProblem) -> Iterable[Cells]:
    """Return the row of a problem."""
    yield problem.line_number, problem.column, problem.value, problem.wrong, problem.remedy


def as_text(rows: Iterable[Cells]) -> str:
    """Return rows as lines of a CSV file."""
    text = io.StringIO()
    csv.writer(text).writerows([as_cell(value) for value in row] for row in rows)
    return text.getvalue()


def as_cell(value: object) -> str:
    """Return a cell that spreadsheets do not take for a formula, whatever a customer is called."""
    text = str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text

"""Bring an order file into the database.

Jobs run at least once: a worker may die halfway through a file and another start it again. So every
statement here may be repeated: what is there already is left alone, problems are collected afresh,
and the counts are taken from the database at the end.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from django.db import models, transaction
from django.utils import timezone

from taskyard import track

from .models import Customer, ImportProblem, ImportRun, Order, OrderLine, Product
from .order_file import Line, read_lines
from .rows import OrderRow, Problem

BATCH = 500

Item = TypeVar("Item")
Record = TypeVar("Record", bound=models.Model)


def import_file(run: ImportRun) -> None:
    """Read the run's file: keep the good rows, note what is wrong with the others."""
    run.problems.all().delete()
    rows = 0
    with run.file.open("rb") as file:
        total = sum(1 for _ in file) - 1
        file.seek(0)
        lines = track(read_lines(file), total=total, message="Reading orders")
        for batch in in_batches(lines, BATCH):
            save_batch(run, batch)
            rows += len(batch)
    finish(run, rows)


def in_batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yield the items in lists of `size`; the last may be shorter."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def save_batch(run: ImportRun, lines: list[Line]) -> None:
    """Write the rows and the problems of some lines in one transaction."""
    rows = [line.row for line in lines if line.row]
    with transaction.atomic():
        parties = ensure_parties(rows)
        OrderLine.objects.bulk_create(
            (as_order_line(run, row, parties) for row in rows if parties.agree_with(row)),
            ignore_conflicts=True,
        )
        ImportProblem.objects.bulk_create(
            as_record(run, line.number, problem) for line in lines for problem in problems_of(line, parties)
        )


@dataclass(frozen=True, slots=True)
class Parties:
    """What the rows of a batch refer to, by its unique name."""

    products: dict[str, Product]
    customers: dict[str, Customer]
    orders: dict[str, Order]

    def agree_with(self, row: OrderRow) -> bool:
        """Tell whether the stored order of the row's number is the one the row means."""
        order, buyer = self.orders[row.order_number], self.customers[row.customer_email]
        return order.customer_id == buyer.pk and order.ordered_on == row.order_date


def ensure_parties(rows: list[OrderRow]) -> Parties:
    """Return the products, customers and orders the rows name, creating the new ones."""
    products = ensure(Product.objects, "sku", [Product(sku=row.sku, name=row.product) for row in rows])
    customers = ensure(
        Customer.objects,
        "email",
        [Customer(email=row.customer_email, name=row.customer_name, country=row.country) for row in rows],
    )
    orders = ensure(
        Order.objects,
        "number",
        [
            Order(
                number=row.order_number,
                customer=customers[row.customer_email],
                ordered_on=row.order_date,
            )
            for row in rows
        ],
    )
    return Parties(products, customers, orders)


def ensure(manager: models.Manager[Record], key: str, records: list[Record]) -> dict[str, Record]:
    """Return the stored records by their unique `key`; those not stored yet are created."""
    # Reversed, so that of several records with one key the first in the file counts.
    wanted = {getattr(record, key): record for record in reversed(records)}
    manager.bulk_create(wanted.values(), ignore_conflicts=True)
    return manager.in_bulk(list(wanted), field_name=key)


def as_order_line(run: ImportRun, row: OrderRow, parties: Parties) -> OrderLine:
    """Return the order line a row stands for."""
    return OrderLine(
        order=parties.orders[row.order_number],
        product=parties.products[row.sku],
        import_run=run,
        quantity=row.quantity,
        unit_price=row.unit_price,
    )


def problems_of(line: Line, parties: Parties) -> list[Problem]:
    """Return what is wrong with a line, in itself or beside what is stored."""
    if line.row is None or parties.agree_with(line.row):
        return line.problems
    return [
        Problem(
            column="order_number",
            value=line.row.order_number,
            wrong="belongs to another customer or another day",
            remedy="Compare the line with the first one of that order.",
        )
    ]


def as_record(run: ImportRun, line_number: int, problem: Problem) -> ImportProblem:
    """Return a problem as it is stored."""
    return ImportProblem(
        run=run,
        line_number=line_number,
        column=problem.column,
        value=problem.value[:120],
        wrong=problem.wrong,
        remedy=problem.remedy,
    )


def finish(run: ImportRun, rows: int) -> None:
    """Record how many rows went where."""
    run.rows_total = rows
    run.rows_imported = run.lines.count()
    run.rows_rejected = run.problems.values("line_number").distinct().count()
    run.rows_known = rows - run.rows_imported - run.rows_rejected
    run.finished_at = timezone.now()
    run.save(update_fields=["rows_total", "rows_imported", "rows_rejected", "rows_known", "finished_at"])

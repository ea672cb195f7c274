"""The revenue of a month or a day, straight from the order lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, DecimalField, F, QuerySet, Sum

from .countries import COUNTRIES
from .models import OrderLine
from .money import NOTHING, to_cents

LINE_TOTAL = Sum(
    F("quantity") * F("unit_price"),
    output_field=DecimalField(max_digits=14, decimal_places=2),
)
TOTALS = {
    "revenue": LINE_TOTAL,
    "orders": Count("order", distinct=True),
    "pieces": Sum("quantity", default=0),
}
TOP_PRODUCTS = 10


@dataclass(frozen=True, slots=True)
class Share:
    """What one country or product brought in."""

    name: str
    revenue: Decimal
    orders: int
    pieces: int


@dataclass(frozen=True, slots=True)
class MonthRevenue:
    """Everything the report of a month says."""

    month: date
    revenue: Decimal
    orders: int
    pieces: int
    customers: int
    days: dict[date, Decimal]
    countries: Sequence[Share]
    products: Sequence[Share]

    @property
    def average_order(self) -> Decimal:
        """What a customer spends at a time."""
        return to_cents(self.revenue / self.orders) if self.orders else NOTHING


def month_revenue(month: date) -> MonthRevenue:
    """Add up the month that begins on the given day."""
    lines = OrderLine.objects.filter(order__ordered_on__gte=month, order__ordered_on__lt=next_month(month))
    totals = lines.aggregate(**TOTALS, customers=Count("order__customer", distinct=True))
    return MonthRevenue(
        month=month,
        revenue=to_cents(totals["revenue"]),
        orders=totals["orders"],
        pieces=totals["pieces"],
        customers=totals["customers"],
        days=revenue_per_day(lines, month),
        countries=[
            as_share(COUNTRIES.get(row["name"], row["name"]), row)
            for row in ranked(lines, "order__customer__country")
        ],
        products=[as_share(row["name"], row) for row in ranked(lines, "product__name")[:TOP_PRODUCTS]],
    )


def ranked(lines: QuerySet[OrderLine], field: str) -> QuerySet[OrderLine, Any]:
    """Return the totals per value of a field, the largest revenue first."""
    return lines.values(name=F(field)).annotate(**TOTALS).order_by("-revenue", "name")


def as_share(name: str, row: dict[str, Any]) -> Share:
    """Return one row of a ranking."""
    return Share(name, to_cents(row["revenue"]), row["orders"], row["pieces"])


def revenue_per_day(lines: QuerySet[OrderLine], month: date) -> dict[date, Decimal]:
    """Return the revenue of every day of the month, the days without any included."""
    sold = lines.values_list("order__ordered_on").annotate(revenue=LINE_TOTAL)
    days = (next_month(month) - month).days
    empty = {month + timedelta(days=offset): NOTHING for offset in range(days)}
    return empty | {day: to_cents(revenue) for day, revenue in sold}


def next_month(month: date) -> date:
    """Return the first day of the month after."""
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)


def revenue_by_month() -> dict[date, Decimal]:
    """Return the revenue of every month that has any, oldest first."""
    rows = (
        OrderLine.objects.values_list("order__ordered_on__year", "order__ordered_on__month")
        .annotate(revenue=LINE_TOTAL)
        .order_by("order__ordered_on__year", "order__ordered_on__month")
    )
    return {date(year, month, 1): to_cents(revenue) for year, month, revenue in rows}


def busiest_month() -> date:
    """Return the month with the largest revenue."""
    months = revenue_by_month()
    return max(months, key=months.__getitem__)

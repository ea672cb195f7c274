"""The numbers of a report against plain SQL, and its file."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import connection

from shop import reporting
from shop.countries import COUNTRIES
from shop.models import Report
from shop.revenue import busiest_month, month_revenue, next_month, revenue_by_month

pytestmark = pytest.mark.django_db

DECEMBER = date(2025, 12, 1)


def revenue_by_sql(group: str) -> dict[str, Decimal]:
    """Return December's revenue per group, added up in whole cents by hand-written SQL."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT {group}, sum(line.quantity * cast(round(line.unit_price * 100) AS integer))
            FROM shop_orderline line
            JOIN shop_order ON shop_order.id = line.order_id
            JOIN shop_customer customer ON customer.id = shop_order.customer_id
            JOIN shop_product product ON product.id = line.product_id
            WHERE shop_order.ordered_on BETWEEN '2025-12-01' AND '2025-12-31'
            GROUP BY 1
            """
        )
        return {str(name): Decimal(int(cents)) / 100 for name, cents in cursor.fetchall()}


def test_totals_are_those_of_the_month_alone(december):
    month = month_revenue(DECEMBER)

    assert month.revenue == sum(revenue_by_sql("'all'").values()) == Decimal("1299.20")
    assert (month.orders, month.pieces, month.customers) == (3, 5, 2)
    assert month.average_order == Decimal("433.07")


def test_days_countries_and_products_equal_the_sums_of_sql(december):
    month = month_revenue(DECEMBER)

    sold = {str(day): revenue for day, revenue in month.days.items() if revenue}
    assert sold == revenue_by_sql("shop_order.ordered_on")
    assert {share.name: share.revenue for share in month.products} == revenue_by_sql("product.name")
    by_country = {COUNTRIES[code]: revenue for code, revenue in revenue_by_sql("customer.country").items()}
    assert {share.name: share.revenue for share in month.countries} == by_country


def test_shares_are_ranked_and_every_day_is_there(december):
    month = month_revenue(DECEMBER)

    assert [share.name for share in month.countries] == ["Germany", "France"]
    assert [share.name for share in month.products] == ["Bookshelf", "Kettle", "Soap"]
    assert list(month.days) == [date(2025, 12, day) for day in range(1, 32)]


def test_a_month_without_orders_is_all_noughts():
    month = month_revenue(DECEMBER)

    assert (month.revenue, month.orders, month.average_order) == (0, 0, 0)


def test_months_are_listed_and_the_busiest_found(december):
    assert revenue_by_month() == {DECEMBER: Decimal("1299.20"), date(2026, 1, 1): Decimal("43.50")}
    assert busiest_month() == DECEMBER


@pytest.mark.parametrize(
    ("month", "following"),
    [
        (date(2025, 12, 1), date(2026, 1, 1)),
        (date(2024, 2, 1), date(2024, 3, 1)),
        (date(2026, 1, 1), date(2026, 2, 1)),
    ],
)
def test_next_month(month: date, following: date):
    assert next_month(month) == following


@pytest.mark.parametrize("with_orders", [True, False], ids=["orders", "no orders"])
def test_the_report_is_a_pdf(request, with_orders: bool):
    if with_orders:
        request.getfixturevalue("december")
    report = Report.objects.create(month=DECEMBER)

    name = reporting.build(report)

    report.refresh_from_db()
    assert report.file.name == name
    with report.file.open() as file:
        assert file.read().startswith(b"%PDF")
    assert report.finished_at


def test_building_twice_replaces_the_file(december):
    report = Report.objects.create(month=DECEMBER)

    first, second = reporting.build(report), reporting.build(report)

    assert first == second
    assert report.file.storage.listdir("reports")[1] == [first.removeprefix("reports/")]

"""The shipped order file and its generator."""

import random
from pathlib import Path

import pytest

from shop.data import make_orders
from shop.order_file import Line, read_lines
from shop.rows import COLUMNS

SHIPPED = Path(make_orders.__file__).with_name("orders.csv")


@pytest.fixture(scope="module")
def lines() -> list[Line]:
    with SHIPPED.open("rb") as file:
        return list(read_lines(file))


def test_generating_again_gives_the_shipped_file():
    assert make_orders.make_csv() == SHIPPED.read_bytes()


def test_generator_and_importer_agree_on_the_columns():
    assert make_orders.HEADER == COLUMNS


def test_the_file_has_the_promised_size(lines: list[Line]):
    assert len(lines) == 10_000
    assert 900_000 < SHIPPED.stat().st_size < 1_200_000


def test_every_dirty_row_is_refused_and_no_other(lines: list[Line]):
    refused = [line for line in lines if line.problems]

    assert len(refused) == make_orders.DIRTY_ROWS
    assert 0.01 <= len(refused) / len(lines) <= 0.02


def test_the_orders_look_like_a_years_business(lines: list[Line]):
    rows = [line.row for line in lines if line.row]
    per_month = [sum(row.order_date.month == month for row in rows) for month in range(1, 13)]

    assert 600 <= len({row.customer_email for row in rows}) <= 900
    assert len({row.country for row in rows}) >= 12
    assert len({row.order_number for row in rows}) < len(rows)
    assert (max(row.order_date for row in rows) - min(row.order_date for row in rows)).days > 350
    assert per_month.index(max(per_month)) == 11, "December must be the busiest month"


def test_every_product_keeps_its_price(lines: list[Line]):
    prices = {(line.row.sku, line.row.unit_price) for line in lines if line.row}

    assert len(prices) == len(make_orders.CATALOGUE)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_customers_never_share_an_address(seed: int):
    customers = make_orders.make_customers(random.Random(seed))

    assert len({customer.email for customer in customers}) == make_orders.CUSTOMERS

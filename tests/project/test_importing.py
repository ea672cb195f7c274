"""What is imported, what is refused, and that repeating changes nothing."""

from decimal import Decimal

import pytest
from django.core.files.base import ContentFile

from shop import importing
from shop.models import Customer, ImportProblem, ImportRun, Order, OrderLine, Product
from shop.order_file import WrongFileError, read_lines

from .conftest import GOOD, HEADER

pytestmark = pytest.mark.django_db


def counts(run: ImportRun) -> tuple[int, int, int, int]:
    return run.rows_total, run.rows_imported, run.rows_known, run.rows_rejected


def everything() -> list[list[dict]]:
    return [list(model.objects.order_by("pk").values()) for model in (Product, Customer, Order, OrderLine)]


def test_a_good_row_becomes_an_order_line(import_text):
    run = import_text(GOOD)

    line = OrderLine.objects.select_related("order__customer", "product").get()
    assert (line.quantity, line.unit_price, line.total) == (2, Decimal("64.90"), Decimal("129.80"))
    assert (line.order.number, str(line.order.ordered_on)) == ("SO-100001", "2025-12-24")
    assert (line.order.customer.name, line.order.customer.country) == ("Zoë Noël", "FR")
    assert (line.product.sku, line.product.name) == ("KIT-101", "Kettle")
    assert counts(run) == (1, 1, 0, 0)
    assert run.finished_at


def test_rows_of_one_number_become_one_order(december):
    order = Order.objects.get(number="SO-100001")

    assert order.lines.count() == 2
    assert order.total == Decimal("144.30")
    assert Customer.objects.count() == 2


DIRTY = [
    # replaced, by, column at fault, part of what is wrong, part of what to do
    ("zoe@example.com", "", "customer_email", "is missing", "Fill it in"),
    ("zoe@example.com", "zoe at example.com", "customer_email", "not an e-mail address", "name@example.com"),
    ("2025-12-24", "2025-02-30", "order_date", "no calendar has", "real day"),
    ("2025-12-24", "24.12.2025", "order_date", "not a date like", "hyphens"),
    (",2,", ",-2,", "quantity", "less than one", "credits"),
    (",2,", ",0,", "quantity", "less than one", "credits"),
    (",2,", ",two,", "quantity", "not a whole number", "like 2"),
    ("64.90", "on request", "unit_price", "not a price", "64.90"),
    ("64.90", '"1,064.90"', "unit_price", "thousands separator", "1064.90"),
    ("64.90", "64.905", "unit_price", "not a price", "64.90"),
    ("64.90", "0.00", "unit_price", "is nothing", "gifts"),
    (",FR,", ",UK,", "country", "no country", "ISO 3166"),
    (",EUR", ",USD", "currency", "not the currency", "EUR"),
    ("SO-100001", "one", "order_number", "not a code", "SO-100001"),
    ("KIT-101", "kettle", "sku", "not a code", "KIT-101"),
    ("Kettle", "K" * 121, "product", "121 characters", "120"),
    (",Kettle,2,64.90,EUR", "", "", "has 6 columns instead of 10", "Export the line again"),
    ("Kettle", "Kettle, red", "", "has 11 columns instead of 10", "double quotes"),
]


@pytest.mark.parametrize(("old", "new", "column", "wrong", "remedy"), DIRTY)
def test_a_dirty_row_is_reported_and_the_rest_imported(import_text, old, new, column, wrong, remedy):
    assert old in GOOD
    dirty = GOOD.replace(old, new)

    run = import_text(GOOD.replace("100001", "100000"), dirty, GOOD.replace("100001", "100002"))

    problem = run.problems.get()
    assert (problem.line_number, problem.column) == (3, column)
    assert problem.value == (new.strip(',"') if column else dirty)[:120]
    assert wrong in problem.wrong
    assert remedy in problem.remedy
    assert counts(run) == (3, 2, 0, 1)


def test_bytes_that_are_not_utf8_are_reported_in_their_column(import_text):
    run = import_text(GOOD.encode("latin-1"))

    problem = run.problems.get()
    assert (problem.line_number, problem.column) == (2, "customer_name")
    assert "not UTF-8" in problem.wrong


def test_a_repeated_row_names_the_line_it_repeats(import_text):
    run = import_text(GOOD, GOOD)

    problem = run.problems.get()
    assert problem.line_number == 3
    assert "already, on line 2" in problem.wrong
    assert counts(run) == (2, 1, 0, 1)


def test_an_order_cannot_change_hands(import_text):
    other = GOOD.replace("zoe@", "anna@").replace("KIT-101", "KIT-102")

    run = import_text(GOOD, other)

    assert run.problems.get().column == "order_number"
    assert OrderLine.objects.count() == 1


def test_every_bad_cell_of_a_row_is_named(import_text):
    run = import_text(GOOD.replace("FR", "UK").replace(",2,", ",-2,"))

    assert [problem.column for problem in run.problems.all()] == ["country", "quantity"]
    assert run.rows_rejected == 1


def test_a_stray_quote_spoils_only_its_own_line(import_text):
    run = import_text(GOOD.replace("Zoë", '"Zoë'), GOOD.replace("100001", "100002"))

    assert [problem.line_number for problem in run.problems.all()] == [2]
    assert run.rows_imported == 1


def test_an_endless_cell_is_a_problem_of_its_line(import_text):
    run = import_text(GOOD.replace("Kettle", "K" * 200_000), GOOD.replace("100001", "100002"))

    assert "cannot be parsed" in run.problems.get().wrong
    assert run.rows_imported == 1


def test_blank_lines_are_no_rows_but_count_as_lines(import_text):
    run = import_text("", GOOD.replace("EUR", "USD"), "")

    assert run.problems.get().line_number == 3
    assert run.rows_total == 1


def test_a_job_that_runs_twice_changes_nothing(december):
    before = everything(), counts(december)

    importing.import_file(december)

    assert (everything(), counts(december)) == before


def test_a_job_that_died_halfway_is_taken_up(import_text, monkeypatch):
    monkeypatch.setattr(importing, "BATCH", 1)
    lines = [GOOD.replace("100001", f"10000{number}") for number in range(4)]
    bad = GOOD.replace("EUR", "USD")
    run = ImportRun.objects.create(
        file=ContentFile("\n".join([HEADER, bad, *lines]).encode(), name="orders.csv"), file_name="orders.csv"
    )
    real, batches = importing.save_batch, []

    def die_in_the_third(run, batch):
        batches.append(batch)
        if len(batches) == 3:
            raise RuntimeError("power cut")
        real(run, batch)

    with monkeypatch.context() as patch:
        patch.setattr(importing, "save_batch", die_in_the_third)
        with pytest.raises(RuntimeError, match="power cut"):
            importing.import_file(run)
    importing.import_file(run)

    assert counts(run) == (5, 4, 0, 1)
    assert ImportProblem.objects.count() == 1


def test_the_same_file_uploaded_again_brings_nothing_new(import_text):
    import_text(GOOD)
    before = everything()

    second = import_text(GOOD)

    assert everything() == before
    assert counts(second) == (1, 0, 1, 0)


@pytest.mark.parametrize(
    ("first_line", "reason"),
    [
        (b"", "must name these columns"),
        (b"number,date\n", "must name these columns"),
        ("order_number".encode("utf-16"), "not UTF-8 text"),
    ],
)
def test_a_file_without_the_header_is_refused(first_line: bytes, reason: str):
    with pytest.raises(WrongFileError, match=reason):
        list(read_lines([first_line]))


def test_a_byte_order_mark_does_no_harm():
    [line] = read_lines([b"\xef\xbb\xbf" + HEADER.encode() + b"\r\n", GOOD.encode() + b"\r\n"])

    assert line.row

"""The page of one order, and the file of all."""

import asyncio
import csv
import io
from contextlib import aclosing
from datetime import date
from decimal import Decimal
from functools import partial

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from django.urls import reverse

from shop import exporting, outside
from shop.exporting import ORDER_COLUMNS, as_cell, as_csv, order_rows
from shop.models import Confirmation, ExchangeRate, ImportRun, Order, OrderNote
from shop.outside import Answer
from shop.tasks import refresh_rates, send_confirmation, tell_office_of_note
from taskyard.models import Job

from .conftest import GOOD

pytestmark = pytest.mark.django_db


@pytest.fixture
def order(december: ImportRun) -> Order:
    """An order of two lines."""
    return Order.objects.get(number="SO-100001")


def address_of(order: Order) -> str:
    return reverse("order", args=[order.number])


@pytest.fixture
def said(monkeypatch):
    """Decide what the outside says."""

    def say(**answers: Answer) -> None:
        everything = dict.fromkeys(("rates", "parcel", "stock"), outside.LATE) | answers

        async def ask_about(_number: str, _skus: list[str]) -> dict[str, Answer]:
            return everything

        monkeypatch.setattr("shop.views.orders.ask_about", ask_about)

    return say


def test_an_order_is_shown_with_what_the_outside_says(staff_client: Client, order: Order, monkeypatch):
    patient = partial(outside.ask_about, patience=30)  # what is late is another test's
    monkeypatch.setattr("shop.views.orders.ask_about", patient)

    page = staff_client.get(address_of(order)).content.decode()

    assert "Kettle" in page
    assert "144.30" in page
    assert "156.42" in page  # in dollars, by the stand-in's rate
    assert "not in time" not in page


def test_what_comes_too_late_is_said_to(staff_client: Client, order: Order, said):
    said(stock=Answer({"KIT-101": 12}))
    ExchangeRate.objects.create(currency="USD", rate=Decimal(2))

    page = staff_client.get(address_of(order)).content.decode()

    assert page.count("not in time") == 1  # the parcel
    assert ">12<" in page
    assert ">?<" in page  # the other article, of which nothing was said
    assert "288.60" in page  # by the rate on record


def test_missing_rates_are_fetched_by_one_job(staff_client: Client, staff: User, order: Order, said):
    said()
    for _ in range(3):
        staff_client.get(address_of(order))

    job = Job.objects.get(task=refresh_rates.module_path)
    assert job.owner == str(staff.pk)


@pytest.mark.usefixtures("async_db")
async def test_a_job_of_an_async_request_is_its_users(async_client, staff: User, order: Order, said):
    said()
    await async_client.aforce_login(staff)
    await async_client.get(address_of(order))

    job = await Job.objects.aget(task=refresh_rates.module_path)
    assert job.owner == str(staff.pk)


@pytest.mark.usefixtures("async_db")
async def test_rates_are_stored_and_replaced():
    assert await refresh_rates.acall() == sorted(await outside.fetch_rates())
    await ExchangeRate.objects.filter(currency="USD").aupdate(rate=7)
    await refresh_rates.acall()

    assert (await ExchangeRate.objects.aget(currency="USD")).rate == Decimal("1.084")


def test_an_unknown_order_is_a_friendly_404(staff_client: Client):
    response = staff_client.get("/orders/SO-1/")

    assert response.status_code == 404
    assert "There is nothing here" in response.content.decode()


def test_a_note_is_kept_and_the_office_told(staff_client: Client, staff: User, order: Order):
    response = staff_client.post(address_of(order), {"text": "Call them back."})

    note = OrderNote.objects.get()
    assert response.url == address_of(order)
    assert (note.text, note.author, note.order) == ("Call them back.", staff, order)
    job = Job.objects.get(task=tell_office_of_note.module_path)
    assert (job.args, job.owner) == ([note.pk], str(staff.pk))
    assert "Call them back." in staff_client.get(address_of(order)).content.decode()


@pytest.mark.usefixtures("async_db")
async def test_the_office_reads_the_note(order: Order):
    note = await order.notes.acreate(text="Call them back.")
    await tell_office_of_note.acall(note.pk)

    [message] = mail.outbox
    assert message.subject == "Order SO-100001: a note by a former colleague"
    assert message.body == "Call them back."


def test_an_empty_note_is_refused(staff_client: Client, order: Order):
    response = staff_client.post(address_of(order), {"text": " "})

    assert response.status_code == 422
    assert "Write something first." in response.content.decode()
    assert not OrderNote.objects.exists()


def test_a_confirmation_is_asked_for_with_its_job(staff_client: Client, staff: User, order: Order):
    response = staff_client.post(reverse("confirm", args=[order.number]))

    wanted = Confirmation.objects.get()
    assert response.url == address_of(order)
    assert (wanted.order, wanted.created_by, wanted.state) == (order, staff, "Ready")
    assert str(Job.objects.get().pk) == wanted.job_id
    assert "data-waiting" in staff_client.get(address_of(order)).content.decode()


@pytest.mark.usefixtures("async_db")
async def test_a_confirmation_goes_out_once(order: Order):
    wanted = await Confirmation.objects.acreate(order=order)

    assert [await send_confirmation.acall(wanted.pk) for _ in range(2)] == [True, False]
    [message] = mail.outbox
    assert message.to == ["zoe@example.com"]
    assert "2 x Kettle" in message.body
    assert "144.30" in message.body


# --- the file of all orders ---


@pytest.mark.usefixtures("async_db")
async def test_all_orders_come_as_a_file(async_client, staff: User, december: ImportRun):
    await async_client.aforce_login(staff)
    response = await async_client.get("/orders/export.csv")

    text = b"".join([piece async for piece in response.streaming_content]).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert list(rows[0]) == list(ORDER_COLUMNS)
    assert len(rows) == 5
    assert rows[0]["customer"] == "Zoë Noël"
    assert {row["number"] for row in rows} == {f"SO-10000{digit}" for digit in range(1, 5)}
    assert "orders.csv" in response["Content-Disposition"]


def test_no_cell_is_a_formula():
    assert as_cell("=1+1") == "'=1+1"
    assert as_cell(date(2025, 12, 1)) == "2025-12-01"


async def pieces() -> list[str]:
    found = Order.objects.select_related("customer").prefetch_related("lines__product")
    return [piece async for piece in as_csv(ORDER_COLUMNS, found, order_rows)]


@pytest.mark.usefixtures("async_db")
async def test_it_comes_batch_by_batch_with_few_queries(import_text_async, monkeypatch):
    monkeypatch.setattr(exporting, "BATCH", 10)
    await import_text_async(*[GOOD.replace("100001", str(100_001 + number)) for number in range(25)])

    sent = await pieces()

    assert len(sent) == 1 + 3
    assert sum(piece.count("\n") for piece in sent) == 1 + 25


@pytest.mark.usefixtures("async_db")
@pytest.mark.parametrize("ending", ["closed", "cancelled"])
async def test_a_reader_who_leaves_ends_the_queries(import_text_async, monkeypatch, caplog, ending):
    monkeypatch.setattr(exporting, "BATCH", 10)
    caplog.set_level("INFO", "shop.exporting")
    await import_text_async(*[GOOD.replace("100001", str(100_001 + number)) for number in range(25)])
    received = []

    async def read() -> None:
        async with aclosing(as_csv(ORDER_COLUMNS, Order.objects.all(), lambda _order: [])) as lines:
            async for piece in lines:
                received.append(piece)
                if len(received) == 2:
                    if ending == "closed":
                        return
                    asyncio.current_task().cancel()

    reading = asyncio.create_task(read())
    if ending == "closed":
        await reading
    else:
        with pytest.raises(asyncio.CancelledError):
            await reading

    assert len(received) == 2
    assert "broken off after 10 records" in caplog.text

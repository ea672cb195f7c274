"""Receipts and notices go out once."""

from smtplib import SMTPServerDisconnected

import pytest
from django.core import mail
from django.core.mail import EmailMessage

from shop import receipts, tasks
from shop.models import ImportRun, Receipt
from shop.requests import request_receipts
from taskyard import TaskResultStatus, get_result

pytestmark = pytest.mark.django_db


@pytest.fixture
def receipt(december: ImportRun) -> Receipt:
    customer = december.lines.get(order__number="SO-100004").order.customer
    return Receipt.objects.create(import_run=december, customer=customer)


def test_a_receipt_lists_all_orders_of_the_import(receipt: Receipt):
    assert receipts.send(receipt)

    [message] = mail.outbox
    assert message.to == ["zoe@example.com"]
    assert message.subject.endswith("187.80")
    html = message.alternatives[0].content
    for body in (message.body, html):
        assert body.index("SO-100001") < body.index("SO-100004")
        assert "SO-100002" not in body
        assert "129.80" in body
        assert "Zoë Noël" in body


def test_a_receipt_goes_out_once(receipt: Receipt):
    sent = [receipts.send(Receipt.objects.get(pk=receipt.pk)) for _attempt in range(2)]

    assert sent == [True, False]
    assert len(mail.outbox) == 1


def test_a_receipt_that_could_not_be_sent_stays_due(receipt: Receipt, monkeypatch):
    def refuse(message: EmailMessage) -> None:
        raise SMTPServerDisconnected

    with monkeypatch.context() as patch:
        patch.setattr(EmailMessage, "send", refuse)
        with pytest.raises(SMTPServerDisconnected):
            receipts.send(receipt)

    assert receipts.send(Receipt.objects.get(pk=receipt.pk))


def test_names_with_markup_are_harmless(receipt: Receipt):
    receipt.customer.name = "<b>Zoë</b> & Söhne"

    message = receipts.compose(receipt)

    assert "Dear <b>Zoë</b> & Söhne" in message.body
    assert "&lt;b&gt;Zoë" in message.alternatives[0].content


def test_every_customer_of_an_import_is_asked_for_once(december: ImportRun):
    first, second = request_receipts(december), request_receipts(december)

    assert len(first) == Receipt.objects.count() == 2
    assert second == []
    assert {get_result(result.id).status for result in first} == {TaskResultStatus.READY}
    assert {result.args[0] for result in first} == set(Receipt.objects.values_list("pk", flat=True))


def test_the_uploader_is_told_once(december: ImportRun, staff):
    december.created_by = staff
    december.save()

    told = [tasks.notify_import_finished.call(december.pk) for _attempt in range(2)]

    assert told == [True, False]
    [message] = mail.outbox
    assert message.to == ["sam@shop.example"]
    assert "Imported:              5" in message.body


def test_an_import_of_nobody_is_reported_to_the_office(december: ImportRun):
    tasks.notify_import_finished.call(december.pk)

    assert mail.outbox[0].to == ["office@shop.example"]

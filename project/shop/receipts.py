"""Receipts: what a customer is sent about the orders an import brought."""

from decimal import Decimal
from itertools import groupby
from operator import attrgetter

from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import timezone

from .models import Order, OrderLine, Receipt
from .money import show


def send(receipt: Receipt) -> bool:
    """Mail a receipt unless it went out before; return whether it was sent now.

    Sent first and marked second: should the worker die in between, the customer gets a second copy
    rather than none. No mail server takes part in our transaction, so one of the two it must be;
    the fixed Message-ID lets mail programs show the copies as one.
    """
    if receipt.sent_at:
        return False
    compose(receipt).send()
    receipt.sent_at = timezone.now()
    receipt.save(update_fields=["sent_at"])
    return True


def compose(receipt: Receipt) -> EmailMultiAlternatives:
    """Return the mail, as text and as HTML."""
    orders = orders_of(receipt)
    total = sum((line.total for _order, lines in orders for line in lines), Decimal())
    context = {"customer": receipt.customer, "orders": orders, "total": total}
    message = EmailMultiAlternatives(
        subject=f"Your receipt from Larch & Linen: {show(total)}",
        body=render_to_string("shop/mail/receipt.txt", context),
        to=[receipt.customer.email],
        headers={"Message-ID": f"<receipt-{receipt.pk}@shop.example>"},
    )
    message.attach_alternative(render_to_string("shop/mail/receipt.html", context), "text/html")
    return message


def orders_of(receipt: Receipt) -> list[tuple[Order, list[OrderLine]]]:
    """Return the customer's orders that the import brought, oldest first, with their lines."""
    lines = (
        OrderLine.objects.filter(import_run=receipt.import_run_id, order__customer=receipt.customer_id)
        .select_related("order", "product")
        .order_by("order__ordered_on", "order__number", "product__name")
    )
    return [(order, list(group)) for order, group in groupby(lines, attrgetter("order"))]

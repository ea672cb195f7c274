"""Mails about one order: its confirmation to the customer, notes about it to the office."""

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string

from .models import Confirmation, OrderNote


def confirmation(wanted: Confirmation) -> EmailMessage:
    """Return the mail that confirms an order."""
    order = wanted.order
    return EmailMessage(
        subject=f"Your order {order.number} at Larch & Linen",
        body=render_to_string("shop/mail/confirmation.txt", {"order": order}),
        to=[order.customer.email],
        headers={"Message-ID": f"<confirmation-{wanted.pk}@shop.example>"},
    )


def note_to_office(note: OrderNote) -> EmailMessage:
    """Return the mail that tells the office of a note."""
    return EmailMessage(
        subject=f"Order {note.order.number}: a note by {note.author or 'a former colleague'}",
        body=note.text,
        to=[settings.SHOP_OFFICE_EMAIL],
        headers={"Message-ID": f"<note-{note.pk}@shop.example>"},
    )

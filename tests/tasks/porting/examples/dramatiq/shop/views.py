import socket

import httpx
from django.db.models.signals import post_save
from django.dispatch import Signal

from shop.tasks import charge, fetch

paid = Signal()


def buy(request, channel):
    charge.send(7)  # found: mechanical
    fetch.send("https://example.com")  # found: mechanical
    charge.send_with_options(args=(7,), delay=60_000)  # found: mechanical, mechanical
    charge.send(7).get_result(block=True)  # found: mechanical, decision
    paid.send(sender=None)
    post_save.send(sender=None)
    httpx.Client().send(request)
    socket.socket().send(b"x")
    channel.send("x")  # found: perhaps mechanical

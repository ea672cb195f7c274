"""A download that is broken off at a real server."""

import re
import socket

import httpx
import pytest

from tests.support.servers import wait_until

from .site import running_site

pytestmark = pytest.mark.slow

ORDERS = """
import django
django.setup()
from shop.models import Customer, ImportRun, Order, OrderLine, Product
customer, product = Customer.objects.first(), Product.objects.first()
run = ImportRun.objects.first()
orders = Order.objects.bulk_create(
    Order(number=f"SO-{number}", customer=customer, ordered_on="2025-12-24") for number in range(60_000)
)
OrderLine.objects.bulk_create(
    OrderLine(order=order, product=product, import_run=run, quantity=1, unit_price=1) for order in orders
)
"""


def test_who_hangs_up_ends_the_queries(tmp_path):
    with running_site(tmp_path) as site:
        site.run(ORDERS)
        with httpx.Client(base_url=site.server.address) as client:
            client.get("/login/")
            form = {"username": "admin", "password": "secret"}
            client.post("/login/", data={**form, "csrfmiddlewaretoken": client.cookies["csrftoken"]})
            session = client.cookies["sessionid"]
        line = socket.create_connection(("127.0.0.1", site.server.port))
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        request = f"GET /orders/export.csv HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: sessionid={session}\r\n\r\n"
        line.sendall(request.encode())
        assert b"200 OK" in line.recv(1024)
        line.close()

        def left():
            return re.search(r"broken off after (\d+) records", site.server.log.read_text())

        wait_until(left, "the server notices", 30)
        assert int(left()[1]) < 60_000

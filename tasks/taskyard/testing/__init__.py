"""Helpers for the tests of sites that use Taskyard. They work inside Django's `TestCase`.

    from taskyard.testing import assert_enqueued, drain

    def test_checkout(client):
        client.post("/checkout/", …)
        assert_enqueued(send_receipt, args=[order.pk])
        drain()
        assert len(mail.outbox) == 1

With pytest the fixtures of `taskyard.pytest_plugin` are there by themselves.
"""

from .asserting import assert_enqueued, assert_not_enqueued, collect, enqueued
from .running import adrain, drain, inline

__all__ = [
    "adrain",
    "assert_enqueued",
    "assert_not_enqueued",
    "collect",
    "drain",
    "enqueued",
    "inline",
]

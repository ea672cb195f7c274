"""Dramatiq passes the conformance suite, on Redis and on RabbitMQ."""

from taskyard.testing.conformance import *  # noqa: F403

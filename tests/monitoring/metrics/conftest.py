"""Ports for workers, and the change that something makes to what this process has counted."""

from contextlib import contextmanager

import pytest
from prometheus_client import REGISTRY, generate_latest

from tests.monitoring.metrics.scraping import Scrape
from tests.support.servers import free_port


@pytest.fixture
def port():
    """A port for a worker."""
    return free_port()


class Counted:
    """By how much values have grown in a block."""

    def __init__(self):
        self._before = Scrape(generate_latest(REGISTRY).decode())
        self._after = None

    def end(self):
        self._after = Scrape(generate_latest(REGISTRY).decode())

    def __call__(self, name, **labels):
        return self._after.value(name, **labels) - self._before.value(name, **labels)


@pytest.fixture
def counting():
    """Count what happens in a block: `with counting() as counted: …`, then `counted("…_total", task="…")`."""

    @contextmanager
    def count():
        counted = Counted()
        yield counted
        counted.end()

    return count

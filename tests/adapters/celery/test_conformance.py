"""Celery passes the conformance suite, on Redis and on RabbitMQ."""

import pytest

from taskyard.testing.conformance import *  # noqa: F403


@pytest.fixture(params=["redis", "rabbitmq"])
def engine(request, make_engine):
    return make_engine("taskyard_adapters.celery.CeleryBackend", broker=request.param)

"""The conformance suite: what every adapter must do, proven on real processes.

For people who write an adapter. In a test module of yours:

    import os

    import pytest
    from taskyard.testing.conformance import *  # noqa: F403 - the classes are collected from here

    @pytest.fixture
    def engine(transactional_db, tmp_path, monkeypatch):
        monkeypatch.setenv("TASKYARD_CONFORMANCE_FOLDER", str(tmp_path))
        environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "mysite.test_settings", …}
        with EngineUnderTest("my-alias", tmp_path, environment).running() as engine:
            yield engine

The database must be one that other processes reach (a file or a server, never `:memory:`), and `environment`
must lead the workers to it. Give a `broker` (see `Broker`) to have its faults tested as well. Tests marked
`slow` wait for heartbeats and leases to run out.
"""

from .engine import Broker, EngineUnderTest, Worker
from .enqueueing import TestEnqueueing
from .execution import TestExecution
from .faults import TestBadMessages, TestBrokerFaults, TestDuplicates, TestRescue, TestShutdown
from .scheduled import TestSchedules
from .scheduling import TestScheduling
from .steering import TestCancelling, TestPausing, TestRetrying, TestUniqueness, TestWordsOfTheTask

__all__ = [
    "Broker",
    "EngineUnderTest",
    "TestBadMessages",
    "TestBrokerFaults",
    "TestCancelling",
    "TestDuplicates",
    "TestEnqueueing",
    "TestExecution",
    "TestPausing",
    "TestRescue",
    "TestRetrying",
    "TestSchedules",
    "TestScheduling",
    "TestShutdown",
    "TestUniqueness",
    "TestWordsOfTheTask",
    "Worker",
]

"""What all tests share."""

import json
import os
from contextlib import ExitStack
from uuid import uuid4

import pytest

from tests.settings import QUEUES
from tests.support import servers
from tests.support.processes import environment, run_script, started_workers
from tests.support.servers import ServerMissing


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item):
    """A missing server fails the test with CI=true and skips it elsewhere."""
    try:
        return (yield)
    except ServerMissing as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))


@pytest.fixture(autouse=True, scope="session")
def nobody_tells():
    """Send no NOTIFY from the tests' own process: its connection would keep a test database from being dropped."""
    from taskyard_monitoring.live.telling import teller

    teller.stop()


@pytest.fixture
def effects(tmp_path, monkeypatch):
    """A folder in which `tests.example.tasks.leave` leaves a line a run; returns a reader of those lines."""
    monkeypatch.setenv("TASKYARD_TEST_EFFECTS", str(tmp_path))

    def lines(name="effects"):
        path = tmp_path / name
        return path.read_text().splitlines() if path.exists() else []

    return lines


@pytest.fixture
def start(transactional_db, tmp_path):
    """Start a management command as a real process on this test's database: `start("worker", "--burst")`."""
    with started_workers(tmp_path) as start_command:
        yield start_command


@pytest.fixture
def script(transactional_db, tmp_path):
    """Run a Python script as a real process on this test's database."""
    return lambda text: run_script(tmp_path, text)


@pytest.fixture
def add_backend(settings, monkeypatch):
    """Add a backend to TASKS, for this test and the processes it starts: `add_backend("celery", {…})`."""
    added = {}

    def add(alias, parameters):
        added[alias] = parameters
        settings.TASKS = {**settings.TASKS, alias: parameters}
        monkeypatch.setenv("TASKYARD_TEST_TASKS", json.dumps(added))

    return add


@pytest.fixture(scope="session")
def redis_server():
    """A Redis server of the tests' own."""
    with servers.redis() as server:
        yield server


@pytest.fixture(scope="session")
def rabbitmq_server():
    """A RabbitMQ node of the tests' own."""
    with servers.rabbitmq() as server:
        yield server


@pytest.fixture
def make_engine(request, transactional_db, tmp_path, monkeypatch, add_backend):
    """Make an `EngineUnderTest` for the conformance suite: `make_engine("…Backend", broker="redis")`.

    Tests that harm the broker get one of their own, the others share the session's.
    """
    from taskyard.testing.conformance import EngineUnderTest

    monkeypatch.setenv("TASKYARD_CONFORMANCE_FOLDER", str(tmp_path))
    harms = request.cls is not None and request.cls.__name__ == "TestBrokerFaults"
    with ExitStack() as stack:

        def make(backend, broker=None, **options):
            server = None
            if broker is not None:
                server = (
                    stack.enter_context(getattr(servers, broker)())
                    if harms
                    else request.getfixturevalue(f"{broker}_server")
                )
                options["BROKER_URL"] = server.address
            prefix = f"t{uuid4().hex[:12]}"
            parameters = {"BACKEND": backend, "QUEUES": QUEUES, "OPTIONS": {"PREFIX": prefix, **options}}
            add_backend("under_test", parameters)
            engine = EngineUnderTest(
                "under_test", tmp_path, environment(tmp_path), broker=server if harms else None
            )
            return stack.enter_context(engine.running())

        yield make


@pytest.fixture(autouse=True)
def recording_backend():
    """Give the recording backend a clean sheet, and let every backend deliver directly."""
    from taskyard.breaker import reset_all
    from tests.example.backends import RecordingBackend

    RecordingBackend.delivered, RecordingBackend.failure, RecordingBackend.depths = [], None, {}
    reset_all()
    return RecordingBackend

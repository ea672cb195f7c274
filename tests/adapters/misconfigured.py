"""What a site gets whose settings lead to the wrong broker, or to one that another site uses as well.

A test module of an adapter subclasses these, as it does those of `tests.adapters.scenarios`.
"""

import socket
from urllib.parse import urlsplit

import pytest

from taskyard.models import Job
from taskyard.testing.conformance import tasks
from tests.adapters.scenarios import ready
from tests.support.processes import environment, manage


@pytest.fixture
def repoint(add_backend, settings, tmp_path):
    """Change a backend's BROKER_URL, here and for workers to come: `repoint(engine, address)`."""

    def change(engine, address):
        parameters = settings.TASKS[engine.alias]
        options = {**parameters["OPTIONS"], "BROKER_URL": address}
        add_backend(engine.alias, {**parameters, "OPTIONS": options})
        engine.environment = environment(tmp_path)

    return change


class WrongAddress:
    """Nobody listens there, or does not let us in."""

    @pytest.fixture
    def refusing_port(self):
        """A port that nobody listens on, and that nobody else gets meanwhile."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            yield taken.getsockname()[1]

    @pytest.fixture(params=["no server", "wrong password"], autouse=True)
    def wrong(self, request, engine, repoint, refusing_port):
        parts = urlsplit(engine.backend.settings.BROKER_URL)
        user, port = ("", refusing_port) if request.param == "no server" else ("nobody:mellon@", parts.port)
        repoint(engine, f"{parts.scheme}://{user}{parts.hostname}:{port}{parts.path}")

    def test_jobs_are_safe_and_the_reason_is_logged(self, engine, caplog):
        engine.on(tasks.leave).enqueue("safe")

        assert "They are safe in the database" in caplog.text
        assert "mellon" not in caplog.text
        assert Job.objects.filter(backend=engine.alias).count() == 1

    def test_a_worker_says_so_and_waits(self, engine):
        worker = ready(engine)

        worker.wait_for_log("out of reach")
        worker.terminate()

        assert worker.ended() == 0, worker.log
        assert "mellon" not in worker.log
        assert "Traceback" not in worker.log

    def test_a_worker_that_is_not_to_wait_fails_at_once(self, engine):
        worker = engine.worker("--no-wait", "--processes", "2")

        assert worker.ended() == 1
        assert "does not answer" in worker.log
        assert "mellon" not in worker.log
        assert "Traceback" not in worker.log


class TwoSites:
    """Two sites, each with a database of its own, on one broker under one PREFIX."""

    said = "is another site's"
    """How a worker speaks of the other site's message."""

    @pytest.fixture
    def other_site(self, engine, tmp_path):
        """Return a function that makes workers be those of another site."""
        theirs = {
            **engine.environment,
            "TASKYARD_TEST_DATABASE": f"sqlite://{tmp_path}/other.sqlite3",
            "TASKYARD_TEST_SECRET_KEY": "another site's",
        }
        manage("migrate", "--verbosity", "0", environment=theirs)
        return theirs

    @pytest.mark.slow
    def test_it_is_said_and_nothing_is_lost(self, engine, other_site):
        ours = engine.environment
        engine.environment = other_site
        thief = ready(engine)
        for number in range(3):
            engine.on(tasks.leave).enqueue(str(number))
        thief.wait_for_log(self.said)
        thief.terminate()
        assert thief.ended() == 0, thief.log

        engine.environment = ours
        ready(engine)
        engine.finish(90)

        assert sorted(engine.effects()) == ["0", "1", "2"]
        assert "PREFIX" in thief.log

    def test_with_a_prefix_each_they_do_not_meet(self, engine, other_site, add_backend, settings, tmp_path):
        parameters = settings.TASKS[engine.alias]
        options = {**parameters["OPTIONS"], "PREFIX": "another"}
        add_backend(engine.alias, {**parameters, "OPTIONS": options})
        tasks_setting = "TASKYARD_TEST_TASKS"
        engine.environment = {**other_site, tasks_setting: environment(tmp_path)[tasks_setting]}
        stranger = ready(engine)
        add_backend(engine.alias, parameters)
        engine.environment = environment(tmp_path)

        engine.on(tasks.leave).enqueue("ours")
        own = engine.worker("--burst")

        assert own.ended() == 0, own.log
        assert engine.effects() == ["ours"]
        stranger.terminate()
        assert stranger.ended() == 0, stranger.log
        assert self.said not in stranger.log

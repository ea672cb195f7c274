"""A site's own use of Celery beside ours: its app, its tasks and its workers, and what it set for them."""

import os
import signal
import subprocess
import sys

import pytest

from taskyard import enqueue_many, get_result
from taskyard.models import Job
from taskyard.testing.conformance import tasks
from tests.adapters.scenarios import depth, ready
from tests.example.tasks import leave_slowly
from tests.support.processes import ROOT, environment
from tests.support.servers import wait_until


@pytest.fixture
def on_site(engine, change, monkeypatch):
    """Put the backend on the site's own app or beside it: `on_site("threads", on_its_app=True)`."""
    prefix, address = engine.backend.settings.PREFIX, engine.backend.settings.BROKER_URL
    monkeypatch.setenv("TEST_SITE_BROKER", address)
    monkeypatch.setenv("TEST_SITE_QUEUE", f"{prefix}-site")
    from tests.adapters.celery.site import app

    for name, value in {"broker_url": address, "task_default_queue": f"{prefix}-site"}.items():
        monkeypatch.setitem(app.conf, name, value)

    def put(pool, *, on_its_app=True):
        carrier = {"APP": "tests.adapters.celery.site.app"} if on_its_app else {"BROKER_URL": address}
        change(engine, QUEUES=["default", "mail"], OPTIONS={**carrier, "PREFIX": prefix, "POOL": pool})
        return engine

    return put


@pytest.fixture
def start_site_worker(engine, tmp_path):
    """Start the site's own worker, as its people do."""
    processes = []

    def start():
        with (tmp_path / "site.log").open("wb") as log:
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "celery",
                    "-A",
                    "tests.adapters.celery.site",
                    "worker",
                    "-P",
                    "threads",
                ],
                env={**environment(tmp_path), "TASKYARD_CONFORMANCE_FOLDER": str(tmp_path)},
                cwd=ROOT,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)


@pytest.mark.parametrize(
    ("pool", "on_its_app"),
    [("threads", True), ("prefork", True), ("threads", False), ("prefork", False), ("solo", False)],
    ids=lambda value: {True: "its app", False: "our app"}.get(value, value),
)
def test_a_sites_own_tasks_go_on_beside_our_jobs(on_site, start_site_worker, pool, on_its_app):
    from tests.adapters.celery.site import send_own_tasks

    engine = on_site(pool, on_its_app=on_its_app)
    assert engine.backend.check() == []
    site_worker = start_site_worker()
    worker = ready(engine)

    result = engine.on(send_own_tasks).enqueue()

    wait_until(lambda: len(engine.effects()) == 2, "there and back", 60)
    engine.finish()
    assert sorted(engine.effects()) == ["job of a shared task", "task of the site's app"]
    assert get_result(result.id).return_value == ["site" if on_its_app else "taskyard", result.id]
    assert site_worker.poll() is None
    assert worker.process.poll() is None


def test_each_worker_fetches_from_its_own_queues_alone(on_site, start_site_worker):
    from tests.adapters.celery.site import send_own_tasks

    engine = on_site("threads")
    worker = ready(engine)
    engine.on(send_own_tasks).enqueue()
    engine.on(tasks.leave).enqueue("ours")
    engine.finish()
    worker.terminate()
    assert worker.ended() == 0, worker.log
    assert engine.effects() == ["ours"]

    engine.on(tasks.leave).enqueue("ours too")
    start_site_worker()
    wait_until(lambda: len(engine.effects()) == 2, "the site's task ran", 60)
    wait_until(lambda: depth(engine) == 2, "the other enqueued a job")

    assert engine.effects() == ["ours", "task of the site's app"]


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_what_a_site_set_for_its_own_tasks_does_not_reach_our_jobs(on_site, pool):
    """Its time limit of a second, its rate of one an hour, its children that end after three tasks, its steps."""
    engine = on_site(pool)
    enqueue_many(engine.on(tasks.leave), [(str(number),) for number in range(8)])
    result = engine.on(leave_slowly).enqueue("slow", 2.5)
    engine.prolong_leases()

    worker = engine.worker("--burst", "--concurrency", "2")

    assert worker.ended(90) == 0, worker.log
    assert {f"{number}" for number in range(8)} <= set(engine.effects())
    assert (get_result(result.id).status, get_result(result.id).attempts) == ("SUCCESSFUL", 1)
    assert "delivered once more" not in worker.log
    assert Job.objects.values("worker").distinct().count() <= 2
    assert not (engine.folder / "steps").exists()


def test_a_busy_worker_holds_nothing_where_a_sites_own_queues_are_quorum_queues(on_site):
    """Beside those, Celery gives each queue a prefetch count of its own."""
    engine = on_site("threads")
    engine.on(tasks.wait_for_test).enqueue("long")
    ready(engine, "--concurrency", "1")
    wait_until(engine.effects, "the only slot is taken")
    enqueue_many(engine.on(tasks.leave, queue_name="mail"), [(str(number),) for number in range(3)])
    engine.prolong_leases()

    idle = ready(engine)

    wait_until(lambda: len(engine.effects()) == 4, "the idle one has run them all")
    assert "delivered once more" not in idle.log

"""Real Flower before a real Celery worker of ours: names, links, a password, and nothing to touch."""

import json
import os
import re
import subprocess
import sys
from base64 import b64encode
from contextlib import contextmanager
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from taskyard.models import Job
from taskyard.testing.conformance import tasks
from tests.adapters.scenarios import ready
from tests.support.processes import ROOT
from tests.support.servers import free_port, stop, wait_until

pytest.importorskip(
    "flower", reason='Flower is missing; install it with: pip install "django-taskyard[flower]"'
)

CONFIG = ROOT / "monitoring" / "flower" / "flowerconfig.py"
LEAVE = "taskyard.testing.conformance.tasks.leave"
FAIL = "taskyard.testing.conformance.tasks.fail"
CONSOLE = "https://shop.example/console"


def command(broker, port):
    celery = [sys.executable, "-m", "celery", "--broker", broker]
    return [*celery, "flower", f"--conf={CONFIG}", f"--port={port}", "--inspect_timeout=2000"]


class Flower:
    """A running Flower, asked as a browser with or without a password does."""

    def __init__(self, port):
        self.address = f"http://127.0.0.1:{port}"

    def ask(self, path, *, credentials="ada:lovelace", method="GET"):
        headers = (
            {"Authorization": "Basic " + b64encode(credentials.encode()).decode()} if credentials else {}
        )
        data = b"" if method == "POST" else None
        request = Request(self.address + path, data=data, headers=headers, method=method)
        try:
            with urlopen(request, timeout=20) as response:
                return response.status, response.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()

    def page(self, path):
        status, text = self.ask(path)
        assert status == 200, text
        return text

    def is_up(self):
        try:
            return self.ask("/healthcheck")[0] == 200
        except OSError:
            return False

    def row(self, job_id):
        """Return a task's line on the page of all tasks."""
        asked = {"draw": 1, "start": 0, "length": 100, "order[0][column]": 0, "columns[0][data]": "name"}
        rows = json.loads(self.page(f"/tasks/datatable?{urlencode(asked)}"))["data"]
        return next((row for row in rows if row["uuid"] == job_id), None)

    def sample(self, text):
        return any(text in line for line in self.page("/metrics").splitlines())


@contextmanager
def flower(broker, folder, **environment):
    port = free_port()
    log_path = folder / "flower.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            command(broker, port),
            env={**os.environ, "FLOWER_BASIC_AUTH": "ada:lovelace", **environment},
            cwd=folder,
            stdout=log,
            stderr=log,
        )
    running = Flower(port)

    def is_up():
        assert process.poll() is None, log_path.read_text()
        return running.is_up()

    try:
        wait_until(is_up, "Flower answers", 90)
        yield running
    finally:
        stop(process)


@pytest.fixture
def engine(make_engine):
    return make_engine("taskyard_adapters.celery.CeleryBackend", broker="redis")


@pytest.fixture
def running(engine, tmp_path):
    with flower(engine.backend.settings.BROKER_URL, tmp_path, TASKYARD_CONSOLE_URL=f"{CONSOLE}/") as started:
        yield started


@pytest.mark.slow
def test_it_shows_our_tasks_by_name_and_links_them_with_the_console(engine, running):
    ready(engine)
    # Flower listens a moment after it answers.
    wait_until(lambda: running.sample("flower_worker_online{"), "Flower hears the worker", 90)
    left, failed = engine.on(tasks.leave).enqueue("secret argument"), engine.on(tasks.fail).enqueue()
    engine.finish()

    wait_until(lambda: running.sample(counted(LEAVE, "task-succeeded")), "the first is counted", 90)
    wait_until(lambda: running.sample(counted(FAIL, "task-failed")), "so is the other", 90)
    row = running.row(left.id)
    assert row["name"] == LEAVE
    assert row["args"] == f"{CONSOLE}/jobs/{left.id}/"
    assert f"{CONSOLE}/jobs/{failed.id}/" in running.page(f"/task/{failed.id}")
    api = json.loads(running.page("/api/tasks"))
    assert (api[left.id]["name"], api[left.id]["state"]) == (LEAVE, "SUCCESS")
    assert (api[failed.id]["name"], api[failed.id]["state"]) == (FAIL, "FAILURE")
    assert api[failed.id]["exception"] == "taskyard.exceptions.BadArguments"
    assert "secret" not in str(api) + running.page(f"/task/{left.id}")
    assert Job.objects.get(pk=left.id).state == "SUCCESSFUL"


def counted(task, event):
    return f'flower_events_total{{task="{task}",type="{event}"'


@pytest.mark.slow
def test_a_sites_own_tasks_stay_as_they_are(engine, running):
    from celery import Celery

    # What a site's own worker tells of its tasks, without one.
    app = Celery(broker=engine.backend.settings.BROKER_URL, set_as_current=False, fixups=[])
    with app.events.default_dispatcher(hostname="site@here") as events:

        def shows():
            events.send("task-received", uuid="site-1", name="site.own", args="(42,)", kwargs="{}")
            return running.row("site-1")

        assert wait_until(shows, "the task is on the page", 90)["args"] == "(42,)"


@pytest.mark.slow
def test_nobody_comes_in_without_a_password(running):
    for path in ("/", "/tasks", "/workers", "/broker", "/api/tasks", "/api/workers"):
        assert running.ask(path, credentials="")[0] == 401, path
        assert running.ask(path, credentials="ada:wrong")[0] == 401, path
    # Flower itself leaves these open, which flowerconfig.py and the docs say.
    assert {running.ask(path, credentials="")[0] for path in ("/metrics", "/healthcheck")} == {200}


CONTROLS = [
    "/api/worker/shutdown/{worker}",
    "/api/worker/pool/restart/{worker}",
    "/api/worker/pool/grow/{worker}",
    "/api/worker/pool/shrink/{worker}",
    "/api/worker/pool/autoscale/{worker}",
    "/api/worker/queue/add-consumer/{worker}",
    "/api/worker/queue/cancel-consumer/{worker}",
    "/api/task/apply/{task}",
    "/api/task/async-apply/{task}",
    "/api/task/send-task/{task}",
    "/api/task/abort/{id}",
    "/api/task/timeout/{task}",
    "/api/task/rate-limit/{task}",
    "/api/task/revoke/{id}",
]


@pytest.mark.slow
def test_nothing_can_be_touched(engine, running):
    worker = ready(engine)
    names = wait_until(
        lambda: list(json.loads(running.page("/api/workers?refresh=1"))), "the worker shows", 90
    )

    for control in CONTROLS:
        path = control.format(worker=names[0], task="taskyard.run", id="0190b6f4-7c1e-7000-8000-000000000000")

        assert running.ask(path, method="POST")[0] == 403, path
    assert worker.process.poll() is None


def test_the_controls_are_all_that_flower_has():
    from flower.urls import handlers
    from tornado.web import RequestHandler

    changing = {
        handler[0]
        for handler in handlers
        if isinstance(handler, tuple) and handler[0] != ".*" and handler[1].post is not RequestHandler.post
    }

    assert {re.sub(r"\{\w+\}", "(.+)", control) for control in CONTROLS} == changing


@pytest.mark.parametrize("given", [None, "", "ada", "ada:", ":lovelace", "ada:lovelace,"])
def test_it_does_not_start_without_a_password(given, tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "FLOWER_BASIC_AUTH"}
    if given is not None:
        environment["FLOWER_BASIC_AUTH"] = given

    done = subprocess.run(
        command("redis://127.0.0.1:1/0", free_port()),
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode != 0
    assert "FLOWER_BASIC_AUTH" in done.stderr
    assert "Traceback" not in done.stderr

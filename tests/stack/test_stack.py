"""Everything at once: up, looked at, at work, and down again, as `make stack` does it."""

import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.support.processes import PARTS, ROOT
from tests.support.servers import wait_until

ENGINES = {"embedded", "celery", "dramatiq", "arq", "django-q2"}

PATIENCE = 240.0
"""Seconds for all to come up, on a machine that does much else."""

SERVICES = {
    *(f"worker-{engine}" for engine in ENGINES),
    *("app", "nginx", "dispatcher", "flower", "postgres", "redis", "rabbitmq", "mail", "prometheus"),
}


class Running:
    """A stack as somebody sees it who has typed the command."""

    def __init__(self, data):
        self.data = data
        self._log = data / "told"
        with self._log.open("wb") as told:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "compose.stack", "--data", str(data), "up"],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, PARTS))},
                stdout=told,
                stderr=told,
                start_new_session=True,
            )

    @property
    def told(self):
        return self._log.read_text(errors="replace")

    def is_up(self):
        assert self.process.poll() is None, self.told
        return "Ctrl-C stops everything" in self.told

    def address(self, what):
        """Where the table says that something is."""
        return re.search(rf"{what}\s+│\s+(http://\S+?)/?\s", self.told)[1]

    def password(self, what):
        return re.search(rf"{what}\s+│.*admin, password (\S+)", self.told)[1]

    def run(self, *arguments):
        """Run another command of the stack; returns how it ended."""
        return subprocess.run(
            [sys.executable, "-m", "compose.stack", "--data", str(self.data), *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )

    def processes(self):
        """Whoever has something of this stack on his command line or in his environment."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                known = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except OSError:
                continue
            if str(self.data).encode() in known and int(entry.name) != self.process.pid:
                found.append(known.split(b"\0")[0])
        return found


@pytest.fixture
def stack(servers, data):
    running = Running(data)
    try:
        wait_until(running.is_up, "the stack is up", PATIENCE)
        yield running
    finally:
        if running.process.poll() is None:
            running.process.terminate()
            running.process.wait(PATIENCE)


@contextmanager
def signed_in(stack):
    with httpx.Client(base_url=stack.address("the shop"), timeout=60, follow_redirects=True) as shop:
        sign_in(shop, stack.password("the shop"))
        yield shop


def sign_in(shop, password):
    form = shop.get("/login/")
    told = {"username": "admin", "password": password}
    answer = shop.post("/login/", data=told | {"csrfmiddlewaretoken": form.cookies["csrftoken"]})
    assert answer.status_code == 200
    assert answer.url.path == "/"


def prometheus_says(stack, path):
    return httpx.get(f"{stack.address('Prometheus')}/api/v1/{path}", timeout=60).json()["data"]


def all_are_up(stack):
    # None is known before Prometheus has gone through its configuration.
    targets = prometheus_says(stack, "targets")["activeTargets"]
    return [each["health"] for each in targets] == ["up"] * (len(ENGINES) + 2)  # the dispatcher and the site


@pytest.mark.slow
def test_everything_comes_up_works_and_goes(stack):
    # Each has passed the health check that compose.yaml gives it.
    assert set(re.findall(r"^([\w-]+) is well after", stack.told, re.MULTILINE)) == SERVICES
    assert "migrate has done its work" in stack.told
    assert "grafana is not run here" in stack.told

    with signed_in(stack) as shop:
        assert shop.get("/static/shop/shop.css").status_code == 200

        def shown():
            return set(re.findall(r"[\w-]+", shop.get("/console/workers/").text))

        # A worker is well while it starts, before it is in the register.
        wait_until(lambda: shown() >= ENGINES, "a worker of each engine shows", PATIENCE)

    flower = stack.address("Flower")
    assert httpx.get(f"{flower}/workers", timeout=60).status_code == 401
    auth = ("admin", stack.password("Flower"))
    assert "celery" in httpx.get(f"{flower}/workers", auth=auth, timeout=60).text

    wait_until(lambda: all_are_up(stack), "Prometheus reads from all", 90)
    rules = [rule for group in prometheus_says(stack, "rules")["groups"] for rule in group["rules"]]
    assert {rule["type"] for rule in rules} == {"alerting", "recording"}
    assert not [rule for rule in rules if rule["health"] == "err"]

    again = stack.run("up")
    assert again.returncode == 2
    assert "runs in" in again.stderr

    load = stack.run("load", "--minutes=0.2", "--rate=6")
    assert load.returncode == 0, load.stdout + load.stderr
    assert "Every job is accounted for" in load.stdout
    assert all(re.search(rf"^│ {engine} ", load.stdout, re.MULTILINE) for engine in ENGINES)

    stack.process.send_signal(signal.SIGINT)
    assert stack.process.wait(PATIENCE) == 0, stack.told
    assert (
        set(re.findall(r"^│ ([\w-]+) +│ ended (?:with exit code 0|by SIG)", stack.told, re.MULTILINE))
        == SERVICES
    )
    assert "RUNNING" not in stack.told.rpartition("The stack is down")[2]
    assert stack.processes() == []

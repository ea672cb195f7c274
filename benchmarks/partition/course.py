"""The course of the measurement, on the near host; prints figures as JSON.

The near host has PostgreSQL, the brokers, a worker for each backend and a steady load; the far one has
another worker for each. The far host loses its brokers for a while, later its database.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import django

django.setup()

from benchmarks.databases import ROOT  # noqa: E402
from benchmarks.partition import servers  # noqa: E402
from benchmarks.partition.figures import Cut, Line, figures, said  # noqa: E402
from benchmarks.partition.hosts import Hosts, on  # noqa: E402
from benchmarks.partition.load import LATER_EVERY  # noqa: E402
from benchmarks.partition.settings import MEASURED, TASKS  # noqa: E402
from benchmarks.partition.tasks import FOLDER, HOST  # noqa: E402
from taskyard.models import Job  # noqa: E402
from taskyard.waiting import wait_until  # noqa: E402
from taskyard_workers.models import WorkerProcess  # noqa: E402
from tests.support.servers import stop  # noqa: E402

WARM_UP = 12.0
CALM = {"broker": 30.0, "database": 50.0}
"""Seconds after each healing in which all goes back to what it was."""

HEALTH_PORT = 9464

WITH_BROKER = [name for name in MEASURED if "BROKER_URL" in TASKS[name]["OPTIONS"]]


class Course:
    """The processes on both hosts, and what they leave in a folder."""

    def __init__(self, hosts: Hosts, folder: Path, stack: ExitStack) -> None:
        self._hosts = hosts
        self._folder = folder
        self._stack = stack

    def begin(self, backends: list[str]) -> None:
        """Start the servers and the workers."""
        self._stack.enter_context(servers.serving(backends))
        subprocess.run([sys.executable, "-m", "django", "migrate", "--verbosity=0"], cwd=ROOT, check=True)
        for number, backend in enumerate(backends):
            worker = [*("-m", "django", "worker", "--backend", backend), "--concurrency=4"]
            self._start("near", f"{backend}-near", *worker, "--name=near")
            self._start("far", f"{backend}-far", *worker, "--name=far", f"--metrics={HEALTH_PORT + number}")
        wait_until(
            lambda: WorkerProcess.objects.count() == 2 * len(backends),
            f"workers are there: {self._folder}",
            120,
        )
        ports = [f"{backend}={HEALTH_PORT + number}" for number, backend in enumerate(backends)]
        self._start("far", "health", "-m", "benchmarks.partition.health", *ports)

    @contextmanager
    def load(self, backends: list[str]) -> Iterator[None]:
        """Enqueue for as long as the block runs, and wait until all is done."""
        load = self._start("near", "load", "-m", "benchmarks.partition.load", *backends)
        time.sleep(WARM_UP)
        yield
        assert load.poll() is None, self.log("load")
        stop(load)
        wait_until(lambda: not Job.objects.filter(state__in=["READY", "RUNNING"]).exists(), "all is done", 90)

    def cut(self, network: str, seconds: float) -> Cut:
        """Cut a network for so many seconds, and wait until all is as it was."""
        begun = time.time()
        self._hosts.cut(network)
        time.sleep(seconds)
        self._hosts.heal(network)
        healed = time.time()
        time.sleep(CALM[network])
        return Cut(network, begun, healed, time.time())

    def lines(self, backend: str) -> list[Line]:
        """Return what a backend's jobs have left."""
        found = map(Line.parse, (self._folder / "lines").read_text().splitlines())
        return [line for line in found if line.backend == backend]

    def log(self, name: str) -> str:
        """Return what a process has said."""
        return (self._folder / f"{name}.log").read_text(errors="replace")

    def _start(self, host: str, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, *arguments]
        with (self._folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                command if host == "near" else on(self._hosts.far, *command),
                env={**os.environ, FOLDER: str(self._folder), HOST: host},
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )
        self._stack.callback(stop, process)
        return process


def measure(course: Course, backends: list[str], cuts: dict[str, float]) -> dict[str, object]:
    """Go through the cuts and return the figures."""
    course.begin(backends)
    with course.load(backends):
        made = [course.cut(network, seconds) for network, seconds in cuts.items()]
    states = Job.objects.values_list("state", flat=True)
    return {
        "jobs": {state: sum(each == state for each in states) for state in sorted(set(states))},
        "cuts": {cut.network: _of_cut(course, cut, backends) for cut in made},
    }


def _of_cut(course: Course, cut: Cut, backends: list[str]) -> dict[str, object]:
    def answers(backend: str) -> list[str]:
        found = [line.split(maxsplit=2) for line in course.log("health").splitlines()]
        return [
            f"{float(at) - cut.begun:.0f} s: {what}"
            for at, name, what in found
            if name == backend and cut.begun <= float(at) < cut.until
        ]

    concerned = [each for each in backends if cut.network == "database" or each in WITH_BROKER]
    return {
        backend: {
            **_figures(course.lines(backend), cut),
            "said": said(course.log(f"{backend}-far"), cut.begun, cut.until),
            "health": answers(backend),
        }
        for backend in concerned
    }


def _figures(lines: list[Line], cut: Cut) -> dict[str, object]:
    late = {line.number for line in lines if line.number % LATER_EVERY == 1}
    return figures(lines, cut, delay=1.0, late=late).as_data()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("hosts", nargs=3)
    parser.add_argument("--logs", type=Path)
    parser.add_argument("--broker", type=float, default=0.0)
    parser.add_argument("--database", type=float, default=0.0)
    options = parser.parse_args()
    cuts = {network: seconds for network in ("broker", "database") if (seconds := getattr(options, network))}
    with tempfile.TemporaryDirectory(prefix="taskyard-partition-") as folder, ExitStack() as stack:
        course = Course(Hosts(*options.hosts), options.logs or Path(folder), stack)
        json.dump(measure(course, MEASURED, cuts), sys.stdout)


if __name__ == "__main__":
    main()

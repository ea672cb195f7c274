"""Workers and scripts as real processes on the test's own database."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from django.db import connection

from tests.support.servers import wait_until

ROOT = Path(__file__).parents[2]
PARTS = [ROOT, *(ROOT / part for part in ("tasks", "workers", "adapters", "monitoring"))]


def environment(folder: Path) -> dict[str, str]:
    """Return what a process needs to work on this test's database and leave its effects in `folder`."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "PYTHONPATH": os.pathsep.join(map(str, PARTS)),
        "TASKYARD_TEST_DATABASE": _address(),
        "TASKYARD_TEST_EFFECTS": str(folder),
        "TASKYARD_TEST_LOG": "INFO",
    }


def _address() -> str:
    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite://{settings['NAME']}"
    password = f":{quote(settings['PASSWORD'])}" if settings["PASSWORD"] else ""
    user = f"{settings['USER']}{password}@"
    return f"{connection.vendor}://{user}{settings['HOST']}:{settings['PORT']}/{settings['NAME']}"


class Worker:
    """A `manage.py worker` (or another command) that a test started, with its log."""

    def __init__(self, folder: Path, number: int, *arguments: str) -> None:
        self._log = folder / f"process-{number}.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "error", "-m", "django", *arguments],
                env=environment(folder),
                cwd=ROOT,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def log(self) -> str:
        """What the process has written so far."""
        return self._log.read_text(errors="replace")

    def wait_for_log(self, text: str, seconds: float = 60.0) -> None:
        """Wait until the log holds a text."""
        wait_until(lambda: text in self.log, f"the log holds {text!r}", seconds)

    def signal(self, number: int) -> None:
        """Send the process a signal."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """Kill the process and its children the hard way."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(60)

    def ended(self, seconds: float = 60.0) -> int:
        """Wait for the end, mostly that of a process that has yet to start, and return the exit code."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"After {seconds:.0f} s the process still runs:\n{self.log}") from None


def run_script(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run a Python script on the test's database, Django being set up."""
    return subprocess.run(
        [sys.executable, "-c", f"import django\ndjango.setup()\n{script}"],
        env=environment(folder),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def manage(*arguments: str, environment: Mapping[str, str]) -> None:
    """Run a management command to its end, on whatever the environment leads to."""
    subprocess.run([sys.executable, "-m", "django", *arguments], env=dict(environment), cwd=ROOT, check=True)


@contextmanager
def started_workers(folder: Path) -> Iterator:
    """Yield a function that starts commands; all are killed at the end, whatever became of them."""
    workers: list[Worker] = []

    def start(*arguments: str) -> Worker:
        worker = Worker(folder, len(workers), *arguments)
        workers.append(worker)
        return worker

    try:
        yield start
    finally:
        for worker in [worker for worker in workers if worker.process.poll() is None]:
            worker.kill()

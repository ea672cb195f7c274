"""The engine under test, as an adapter's author describes it to the suite."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from django.db import transaction
from django.utils import timezone

from taskyard import task_backends
from taskyard.backend import JobBackend
from taskyard.compat import Task
from taskyard.database import jobs_alias
from taskyard.delivery import delivery_of
from taskyard.models import Job
from taskyard.states import JobState
from taskyard.waiting import wait_until

from . import tasks


class Broker(Protocol):
    """A broker of the test's own, which it may harm."""

    def stop(self) -> None:
        """Stop it, in order."""

    def start(self) -> None:
        """Start it again on the data that is there, and wait until it answers."""

    def freeze(self) -> None:
        """Make it not answer while its connections stay open."""

    def thaw(self) -> None:
        """Let it answer again."""

    def wipe(self) -> None:
        """Delete all it holds."""


class Worker:
    """A `manage.py worker` as a real process, with its log."""

    def __init__(self, log: Path, arguments: list[str], environment: Mapping[str, str]) -> None:
        self._log = log
        with log.open("wb") as file:
            self.process = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
                [sys.executable, "-W", "error", "-m", "django", "worker", *arguments],
                env=dict(environment),
                stdout=file,
                stderr=file,
                start_new_session=True,
            )

    @property
    def log(self) -> str:
        """What the process has written so far."""
        return self._log.read_text(errors="replace")

    def wait_for_log(self, text: str, seconds: float = 60.0) -> None:
        """Wait until the log holds a text."""
        wait_until(lambda: text in self.log, f"the log holds {text!r}:\n{self.log}", seconds)

    def terminate(self) -> None:
        """Ask it to stop gracefully."""
        self.process.terminate()

    def kill(self) -> None:
        """Kill the process and all its children at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(30)

    def freeze(self) -> None:
        """Stop the clock of the process and all its children, but while none of them writes.

        On SQLite a process that is stopped as it writes keeps all others from writing.
        """
        with transaction.atomic(using=jobs_alias()):
            self.signal_group(signal.SIGSTOP)
            os.waitpid(self.process.pid, os.WUNTRACED)

    def signal_group(self, number: int) -> None:
        """Send a signal to the process and all its children."""
        os.killpg(self.process.pid, number)

    def ended(self, seconds: float = 60.0) -> int:
        """Wait for its end and return the exit code."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"After {seconds:.0f} s the worker still runs:\n{self.log}") from None


@dataclass
class EngineUnderTest:
    """What the suite needs to know: the fixture `engine` returns one.

    Args:
        alias: of the backend in `TASKS`, which the test process and its workers must share.
        folder: an empty one for this test, for logs and effects.
        environment: of the workers; it must lead them to the settings and the database of this test.
        broker: where there is one, of this test's own or shared (then leave it None: faults are not tested).
        queues: two names from the backend's QUEUES, "default" first.
    """

    alias: str
    folder: Path
    environment: Mapping[str, str]
    broker: Broker | None = None
    queues: tuple[str, str] = ("default", "mail")
    _workers: list[Worker] = field(default_factory=list)

    @contextmanager
    def running(self) -> Iterator["EngineUnderTest"]:
        """Be the engine under test; whatever becomes of the test, its workers are killed at the end."""
        try:
            yield self
        finally:
            for worker in self._workers:
                if worker.process.poll() is None:
                    worker.kill()

    @property
    def backend(self) -> JobBackend:
        """The backend itself."""
        backend = task_backends[self.alias]
        assert isinstance(backend, JobBackend)
        return backend

    def worker(self, *arguments: str) -> Worker:
        """Start a worker of this backend."""
        environment = {
            **self.environment,
            tasks.FOLDER: str(self.folder),
            "TASKYARD_CONFORMANCE_BACKEND": self.alias,
        }
        log = self.folder / f"worker-{len(self._workers)}.log"
        worker = Worker(log, ["--backend", self.alias, *arguments], environment)
        self._workers.append(worker)
        return worker

    def on(self, task: Task, **options: Any) -> Task:
        """Return a task of the suite on this backend."""
        return task.using(backend=self.alias, **options)

    def effects(self) -> list[str]:
        """Return the lines that tasks have left."""
        path = self.folder / "effects"
        return path.read_text().splitlines() if path.exists() else []

    def go_on(self) -> None:
        """Let the tasks that wait for the test end."""
        (self.folder / "go-on").touch()

    def deliver_again(self, *job_ids: str) -> None:
        """Send messages for jobs once more, as a confused broker would."""
        self.backend.deliver([delivery_of(job) for job in Job.objects.filter(pk__in=job_ids)])

    def prolong_leases(self) -> None:
        """Let no delivery so far be repeated, however long the test takes: what is lost stays lost."""
        leased = Job.objects.filter(state=JobState.READY, delivered_at__isnull=False, due_at__isnull=False)
        leased.update(due_at=timezone.now() + timedelta(hours=1))

    def all_finished(self) -> bool:
        """Whether no job waits or runs."""
        return not Job.objects.filter(state__in=[JobState.READY, JobState.RUNNING]).exists()

    def finish(self, seconds: float = 60.0) -> None:
        """Wait until all jobs have finished."""
        try:
            wait_until(self.all_finished, "all jobs have finished", seconds)
        except AssertionError as error:
            logs = "\n".join(worker.log[-3000:] for worker in self._workers)
            raise AssertionError(f"{error}; {_states()}\n{logs}") from None


def _states() -> str:
    return str(list(Job.objects.values_list("task", "state", "attempt")[:10]))

"""A forked child of Celery's pool: a worker process of its own that gets its messages from the parent."""

import logging
import os
import select
import signal
import struct
import threading
import time
from dataclasses import replace
from types import FrameType
from typing import TYPE_CHECKING

from billiard.pool import EX_RECYCLE  # type: ignore[import-untyped]

from taskyard.backend import WorkerOptions
from taskyard_workers import exits
from taskyard_workers.engine_worker import EngineWorker

from .runner import run_message

if TYPE_CHECKING:
    from .backend import CeleryBackend

logger = logging.getLogger(__name__)

TIME_TO_JOIN = 2.0
"""Seconds that a child waits for its place in the register before it tells Celery that it is up. Celery kills
a child that says nothing for four."""

TIME_TO_END = 15.0
"""Seconds that a child gets to leave the register when Celery wants it to end."""

PATIENCE = 1.0
"""Seconds before a child that cannot run jobs makes room for another: that one may not be able to either."""

_REPORT = struct.Struct("ii")


class Order:
    """Something the parent tells all its children at once, those included that are not there yet.

    A pipe that nothing is written to: the children see its end when the parent closes it, or dies. A signal
    would not do: it has one handler, which in Celery's children is Celery's.
    """

    def __init__(self) -> None:
        self.reading, self._writing = os.pipe()
        self._is_given = False

    def give(self) -> None:
        """Give the order; once is enough."""
        if not self._is_given:
            self._is_given = True
            os.close(self._writing)

    def listen(self) -> None:
        """Be a child: leave the parent as the only one to give the order."""
        if not self._is_given:
            os.close(self._writing)


class Reports:
    """How children tell their parent that they have ended their jobs."""

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._reading, False)

    def send(self, code: int) -> None:
        """Tell that this process has ended its jobs, with this exit code."""
        os.write(self._writing, _REPORT.pack(os.getpid(), code))

    def receive(self) -> dict[int, int]:
        """Return the codes that came since the last time, by process id."""
        try:
            data = os.read(self._reading, _REPORT.size * 512)
        except BlockingIOError:
            return {}
        return dict(_REPORT.iter_unpack(data))


class Lines:
    """What runs between a parent and its children, made before they are."""

    def __init__(self) -> None:
        self.stop = Order()
        self.stop_at_once = Order()
        self.reports = Reports()


class ForkedWorker:
    """A child's life beside its main thread, which Celery has to itself: it waits for messages there.

    It is what every worker process is, but for the fetching: in the register, with a heartbeat, a writer and
    a dispatcher of its own.
    """

    def __init__(self, backend: "CeleryBackend", options: WorkerOptions, lines: Lines) -> None:
        self._worker = EngineWorker(backend, replace(options, concurrency=1, burst=False))
        self._lines = lines
        self._has_begun = threading.Event()
        self._has_ended = threading.Event()
        self._hears_signals = False

    # --- on the main thread ---

    def begin(self) -> None:
        """Join the register and listen to the parent."""
        # A signal to the whole group is the parent's to answer. Celery leaves no handler but this one.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self._lines.stop.listen()
        self._lines.stop_at_once.listen()
        threading.Thread(target=self._obey, name="taskyard-orders", daemon=True).start()
        threading.Thread(target=self._live, name="taskyard-child", daemon=True).start()
        self._has_begun.wait(TIME_TO_JOIN)

    def run(self, message: object) -> str | None:
        """Run a message's job; see `run_message`."""
        if not self._hears_signals:
            # Ignored signals, unlike handled ones, would stay ignored in programs that tasks start.
            signal.signal(signal.SIGTERM, _leave_it_to_the_parent)
            self._hears_signals = True
        return run_message(self._worker.consumer, message)

    def end(self) -> None:
        """Leave the register, if that is not done yet."""
        self._worker.shutdown.stop()
        self._has_ended.wait(TIME_TO_END)

    # --- on threads ---

    def _obey(self) -> None:
        shutdown = self._worker.shutdown
        select.select([self._lines.stop.reading], [], [])
        shutdown.stop()
        select.select([self._lines.stop_at_once.reading], [], [])
        shutdown.stop_at_once()

    def _live(self) -> None:
        try:
            code = self._worker.run(self)
        except Exception:
            logger.exception("Worker process %d cannot run jobs; another takes its place.", os.getpid())
            time.sleep(PATIENCE)
            code = exits.REPLACE
        self._lines.reports.send(code)
        if code != exits.CLEAN:
            # The main thread waits for messages, or sits in a task that does not end.
            logging.shutdown()
            os._exit(EX_RECYCLE if code == exits.REPLACE else code)
        self._has_ended.set()

    # --- as the engine of `EngineWorker`: messages come from the parent, on the main thread ---

    def start(self) -> None:
        """Say that messages may come."""
        self._has_begun.set()

    def pause(self) -> None:
        """Do nothing: a process that stops leaves its messages to others."""

    def stop(self) -> None:
        """Do nothing: the parent ends the process."""

    @property
    def is_alive(self) -> bool:
        """Whether messages come: the parent's business."""
        return True


def _leave_it_to_the_parent(_signal: int, _frame: FrameType | None) -> None:
    """Do nothing."""

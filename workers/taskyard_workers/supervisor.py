"""Several worker processes side by side, and the replacing of one that is used up.

Children are fresh interpreters, not forks: no connection, lock or thread is shared by accident. Each
holds the reading end of a pipe whose other end only the parent has; when the parent dies, however
suddenly, the pipe closes and the child stops gracefully, so no orphan goes on consuming.
"""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress

from . import exits
from .shutdown import PARENT_PIPE, STOP, STOP_AT_ONCE, Shutdown

logger = logging.getLogger(__name__)

LOOK_INTERVAL = 0.2
"""Seconds between two looks at the children."""

STOP_INTERVAL = 1.0
"""Seconds between two times that a child is told to stop: one that just replaces itself does not hear it."""

CRASH_PAUSE = 1.0
"""Seconds before a child that died young is started again; doubles while it does so again."""

LONGEST_CRASH_PAUSE = 30.0

GROWN_UP = 60.0
"""Seconds after which a child did not die young."""


def command_line(arguments: Sequence[str]) -> list[str]:
    """Return what runs a management command in a fresh interpreter."""
    warnings = [flag for option in sys.warnoptions for flag in ("-W", option)]
    return [sys.executable, *warnings, "-m", "django", *arguments]


def environment() -> dict[str, str]:
    """Return this process's environment with its import path, which `manage.py` may have made."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path or os.curdir for path in sys.path)}


def replace_this_process(arguments: Sequence[str]) -> None:
    """Run a management command in place of this process, under the same process id; does not return."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    command = command_line(arguments)
    os.execve(command[0], command, environment())  # noqa: S606 - our own interpreter and arguments


class Supervisor:
    """Keeps a number of children alive until told to stop; in burst mode until they are done."""

    def __init__(self, arguments: Sequence[str], processes: int, *, burst: bool) -> None:
        self._arguments = arguments
        self._processes = processes
        self._burst = burst
        self._shutdown = Shutdown()

    def run(self) -> int:
        """Run the children and return the worst of their exit codes."""
        reading, writing = os.pipe()
        try:
            with self._shutdown.on_signals():
                children = [_Child(number, self._arguments, reading) for number in range(self._processes)]
                self._watch(children)
        finally:
            os.close(writing)
            os.close(reading)
        return max(child.exit_code for child in children)

    def _watch(self, children: Sequence["_Child"]) -> None:
        told_at_once, next_stop = False, 0.0
        while True:
            is_told_to_stop = self._shutdown.stopping and time.monotonic() >= next_stop
            for child in children:
                if is_told_to_stop:
                    child.stop()
                if self._shutdown.at_once and not told_at_once:
                    child.stop_at_once()
                if not self._shutdown.stopping and not self._burst:
                    child.keep_alive()
            told_at_once = self._shutdown.at_once
            if is_told_to_stop:
                next_stop = time.monotonic() + STOP_INTERVAL
            # Asked after, for only the look above tells whether one that has died is wanted again.
            if not any(child.is_wanted for child in children):
                return
            time.sleep(LOOK_INTERVAL)


class _Child:
    """One place in the row, and the process that holds it now."""

    def __init__(self, number: int, arguments: Sequence[str], pipe: int) -> None:
        self._number = number
        self._arguments = arguments
        self._pipe = pipe
        self._pause = CRASH_PAUSE
        self._start_at: float | None = None
        self._is_dismissed = False
        self._start()

    def _start(self) -> None:
        self._start_at = None
        self._started_at = time.monotonic()
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
            command_line(self._arguments),
            env={**environment(), PARENT_PIPE: str(self._pipe)},
            pass_fds=[self._pipe],
        )
        logger.info("Worker process %d started, pid %d.", self._number + 1, self._process.pid)

    @property
    def is_wanted(self) -> bool:
        """Whether the child runs, or will again."""
        return self._start_at is not None or self._process.poll() is None

    @property
    def exit_code(self) -> int:
        """The exit code, as a shell gives it for a process that a signal ended."""
        code = self._process.returncode or 0
        if code == -STOP:
            return 0  # told to stop before it could listen, so before it had any job
        return 128 - code if code < 0 else exits.shown(code)

    def stop(self) -> None:
        """Stop the child gracefully, and do not start it again."""
        self._start_at = None
        with suppress(ProcessLookupError):
            self._process.send_signal(STOP)

    def stop_at_once(self) -> None:
        """Stop the child without waiting for its jobs."""
        with suppress(ProcessLookupError):
            self._process.send_signal(STOP_AT_ONCE)

    def keep_alive(self) -> None:
        """Start the child again if it died: at once if it had worked, after a pause if it died young.

        One that an operator has stopped stays where it is.
        """
        if self._process.poll() is None or self._is_dismissed:
            return
        if exits.is_dismissal(self._process.returncode):
            self._is_dismissed = True
            logger.info("Worker process %d was stopped for good.", self._number + 1)
            return
        now = time.monotonic()
        if self._start_at is None:
            self._start_at = now + self._pause_after(now - self._started_at)
        if now >= self._start_at:
            self._start()

    def _pause_after(self, life: float) -> float:
        died_young = life < GROWN_UP
        pause = self._pause if died_young else 0.0
        self._pause = min(self._pause * 2, LONGEST_CRASH_PAUSE) if died_young else CRASH_PAUSE
        logger.error(
            "Worker process %d (pid %d) died with exit code %d; it is started again in %.0f s.",
            self._number + 1,
            self._process.pid,
            self.exit_code,
            pause,
        )
        return pause

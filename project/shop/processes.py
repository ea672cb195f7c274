"""The processes a command starts beside itself, and how it makes sure that none is left behind."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from django.conf import settings

PATIENCE = 30


class Child:
    """A running process, its name and where its output goes."""

    def __init__(self, name: str, command: list[str], log: Path | None = None) -> None:
        """Start the command; without a log file it shares our output."""
        self.name = name
        self.log = log
        self._output = log.open("wb") if log else None
        self._process = subprocess.Popen(  # noqa: S603 - commands are ours
            command, stdout=self._output, stderr=self._output
        )

    def exit_code(self) -> int | None:
        """Return the code the process ended with, or None while it lives."""
        return self._process.poll()

    def stop(self) -> None:
        """Ask the process to finish; end it if it does not within PATIENCE seconds."""
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._output:
            self._output.close()

    def last_words(self, lines: int = 20) -> str:
        """Return the end of the log."""
        if self.log is None:
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


@contextmanager
def running(name: str, command: list[str], log: Path | None = None) -> Iterator[Child]:
    """Keep a process running inside the block, however the block ends."""
    child = Child(name, command, log)
    try:
        yield child
    finally:
        child.stop()


def manage(*arguments: str) -> list[str]:
    """Return the command line of a management command of this site."""
    return [sys.executable, str(settings.PROJECT / "manage.py"), *arguments]


def leave_on_sigterm() -> None:
    """Let SIGTERM unwind the stack as Ctrl-C does, so that children are stopped on the way out."""

    def leave(number: int, _frame: object) -> NoReturn:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, leave)

"""Being told to stop: by a signal, by the parent's death, by a limit, or to make room for a fresh process."""

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from . import exits

logger = logging.getLogger(__name__)

PARENT_PIPE = "TASKYARD_PARENT_PIPE"
"""The environment variable that tells a child of a supervisor its end of the pipe."""

STOP = signal.SIGTERM
STOP_AT_ONCE = signal.SIGUSR1
"""What a supervisor sends its children."""

REPLACE = signal.SIGUSR2
"""What a process sends itself when its code has changed."""


class Shutdown:
    """What a worker's loop asks whether it is to go on.

    A signal handler runs in the middle of whatever the main thread does, so it only sets plain
    attributes and calls `wake`, which must be safe there too (`SimpleQueue.put` is, an `Event` is not).
    """

    def __init__(self) -> None:
        self.stopping = False
        """No new jobs; running ones may finish within the grace time."""

        self.at_once = False
        """The grace time is over."""

        self.replace = False
        """A fresh process takes this one's place."""

        self.dismissed = False
        """An operator wants this process gone for good."""

        self.wake: Callable[[], object] = lambda: None

        self._is_told = False
        """A signal has told it to stop: then nobody takes its place, whatever it had made up its mind to."""

        self._reason_is_told = threading.Lock()
        """Taken once and never released: several threads may see at one moment that a limit is reached."""

    def stop(self) -> None:
        """Stop gracefully."""
        self.stopping = True
        self.wake()

    def stop_at_once(self) -> None:
        """Stop without waiting for running jobs."""
        self.at_once = self.stopping = True
        self.wake()

    def dismiss(self) -> None:
        """Stop gracefully, for whoever keeps this process alive not to start it again."""
        self.dismissed = True
        self.stop()

    def replace_process(self, reason: str) -> None:
        """Stop gracefully and make room for a fresh process."""
        if not self.stopping:
            self.replace = True
            if self._reason_is_told.acquire(blocking=False):
                logger.info("This worker process is to be replaced: %s", reason)
        self.stop()

    def exit_code(self, code: int) -> int:
        """Return what a process that ends with this code tells whoever keeps it alive."""
        if self.dismissed:
            return exits.DISMISSED + code
        return exits.REPLACE if self.replace and not self._is_told else code

    @contextmanager
    def on_signals(self, *, watch_parent: bool = True) -> Iterator[None]:
        """Stop on SIGTERM and SIGINT, on a second one at once, and with the parent's death.

        A supervisor's child may get a group's signal and its parent's for the same wish, so there only
        the parent's own signal for it means "at once".

        Args:
            watch_parent: whether a thread is to wait for the parent's death.
        """
        if threading.current_thread() is not threading.main_thread():
            yield  # only the main thread can listen to signals
            return
        is_child = PARENT_PIPE in os.environ

        def on_stop(_signal: int, _frame: FrameType | None) -> None:
            is_first, self._is_told = not self._is_told, True
            if self.stopping and not is_child and not (self.replace and is_first):
                self.stop_at_once()
            self.stop()

        def on_stop_at_once(_signal: int, _frame: FrameType | None) -> None:
            self.stop_at_once()

        def on_replace(_signal: int, _frame: FrameType | None) -> None:
            self.replace_process("its code has changed.")

        handlers = {
            STOP: on_stop,
            signal.SIGINT: on_stop,
            STOP_AT_ONCE: on_stop_at_once,
            REPLACE: on_replace,
        }
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        if is_child and watch_parent:
            self._watch_parent(int(os.environ[PARENT_PIPE]))
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _watch_parent(self, pipe: int) -> None:
        def wait_for_end() -> None:
            with suppress(OSError):
                os.read(pipe, 1)  # nothing is ever written: it returns when the writing end is gone
            logger.error("The parent process is gone; this worker stops.")
            self.stop()

        threading.Thread(target=wait_for_end, name="taskyard-parent", daemon=True).start()

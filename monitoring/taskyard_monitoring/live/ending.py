"""Ending all streams when the server is told to stop.

A server that stops gracefully waits for its requests to end, and one that streams never does by itself. ASGI
tells an application of the end only after that, so we hear the signal ourselves, before the server does.
"""

import asyncio
import signal
import threading
from contextlib import suppress
from types import FrameType
from typing import Any

from .watcher import watcher

SIGNALS = (signal.SIGTERM, signal.SIGINT)


def end_with_process() -> None:
    """See to it that who listens is told when this process is asked to end; to be called on its event loop.

    Only a process's main thread may hear signals. A server that has its event loop elsewhere has to end its
    streams by itself, or to call `watcher.end()`.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        present: Any = signal.getsignal(number)
        if not isinstance(present, _Chained) and present not in (None, signal.SIG_IGN):
            signal.signal(number, _Chained(loop, present))


class _Chained:
    """Does what was done on a signal before, and ends the streams first."""

    def __init__(self, loop: asyncio.AbstractEventLoop, before: Any) -> None:
        self._loop = loop
        self._before = before

    def __call__(self, number: int, frame: FrameType | None) -> None:
        # Not here: a signal may come while this thread holds the watcher's lock.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(watcher.end)
        if callable(self._before):
            self._before(number, frame)
        else:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

"""Making a running task stop: an exception raised in its thread, or the cancelling of its coroutine."""

import asyncio
import ctypes
import threading
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

from taskyard.exceptions import Interrupted

T = TypeVar("T")


class InterruptibleThread:
    """A stretch of code on this thread that another thread may interrupt.

    The exception is raised at the thread's next bytecode. Code that sits in a call to C (a driver, a
    long `sleep`) notices only once that returns.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread_id: int | None = None
        self._asked_before: type[Interrupted] | None = None

    def __enter__(self) -> Self:
        with self._lock:
            self._thread_id = threading.get_ident()
            if self._asked_before is not None:
                raise self._asked_before
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            thread_id, self._thread_id = self._thread_id, None
            # An interrupt that came too late must not hit what this thread does next.
            _raise_in(thread_id, None)

    def interrupt(self, error: type[Interrupted]) -> None:
        """Raise an exception of this class in the thread while it is inside, or when it enters."""
        with self._lock:
            if self._thread_id is None:
                self._asked_before = error
            else:
                _raise_in(self._thread_id, error)


def _raise_in(thread_id: int | None, error: type[BaseException] | None) -> None:
    """See `PyThreadState_SetAsyncExc` in Python's C API; no error clears one that is pending."""
    if thread_id is not None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread_id), None if error is None else ctypes.py_object(error)
        )


class InterruptibleCoroutine:
    """A coroutine on an event loop that another thread may interrupt."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._error: type[Interrupted] | None = None
        self._cancel: Callable[[], object] | None = None

    async def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Await the coroutine.

        Raises:
            Interrupted: of the class that `interrupt` was given, where it made the coroutine stop.
        """
        loop = asyncio.get_running_loop()
        with self._lock:
            if self._error is not None:
                coroutine.close()
                raise self._error
            inner = loop.create_task(coroutine)
            self._cancel = lambda: loop.call_soon_threadsafe(inner.cancel)
        try:
            return await inner
        except asyncio.CancelledError:
            if self._error is None:
                raise
            raise self._error from None
        finally:
            self._cancel = None

    def interrupt(self, error: type[Interrupted]) -> None:
        """Cancel the coroutine while it runs, or when it is to start."""
        with self._lock:
            self._error, cancel = error, self._cancel
        if cancel is not None:
            cancel()

"""Asking what may not answer: a database or a broker that hangs must not hold up whoever asks."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

from django.db import connections

T = TypeVar("T")


class Asked(Generic[T]):
    """A question that is asked on a thread of its own, of which there is never more than one.

    Args:
        question: answers by its return value, or by what it raises.
    """

    def __init__(self, question: Callable[[], T]) -> None:
        self._question = question
        self._lock = threading.Lock()
        self._answer: Future[T] | None = None

    def begin(self) -> "Future[T]":
        """Ask, unless an earlier question is still open, and return what will hold the answer."""
        with self._lock:
            if self._answer is None or self._answer.done():
                self._answer = Future()
                threading.Thread(
                    target=self._ask, args=(self._answer,), name="taskyard-asking", daemon=True
                ).start()
            return self._answer

    def answer(self, seconds: float) -> T:
        """Ask, and wait for the answer for so long at most.

        Raises:
            TimeoutError: where none has come by then.
        """
        return self.begin().result(seconds)

    def _ask(self, answer: "Future[T]") -> None:
        # The connections first: who has the answer may ask anew, on another thread.
        try:
            try:
                found = self._question()
            finally:
                connections.close_all()
        except Exception as error:
            answer.set_exception(error)
        else:
            answer.set_result(found)


class Recent(Generic[T]):
    """An answer that is good for a while, whoever asks.

    Args:
        find: finds it anew; what it raises is not kept.
        seconds: for how long one is good.
    """

    def __init__(self, find: Callable[[], T], seconds: float) -> None:
        self._find = find
        self._seconds = seconds
        self._lock = threading.Lock()
        self._found: tuple[T, float] | None = None

    def get(self) -> T:
        """Return the latest answer, or a new one; those who ask meanwhile wait for it."""
        with self._lock:
            if self._found is None or time.monotonic() - self._found[1] >= self._seconds:
                self._found = None
                self._found = (self._find(), time.monotonic())
            return self._found[0]

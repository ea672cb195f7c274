"""Celery's pool of threads, of which one can tell whether all is done."""

from concurrent.futures import Future, wait
from typing import Any

from celery.concurrency.thread import TaskPool  # type: ignore[import-untyped]


class ThreadPool(TaskPool):  # type: ignore[misc]
    """Runs each message on a thread of its own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._at_work: set[Future[Any]] = set()

    def on_apply(self, *args: Any, **kwargs: Any) -> Any:
        """Start a message."""
        applied = super().on_apply(*args, **kwargs)
        self._at_work.add(applied.f)
        applied.f.add_done_callback(self._at_work.discard)
        return applied

    def settle(self, seconds: float) -> None:
        """Wait until Celery is done with each message, its acknowledgement included."""
        wait(list(self._at_work), seconds)

    def on_stop(self) -> None:
        """Give up the threads; one that would not end must not hold up the rest."""
        self.executor.shutdown(wait=False)

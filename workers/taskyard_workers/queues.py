"""Which queues a worker serves."""

import time

from taskyard.backend import JobBackend
from taskyard.delivery import waiting_queues

LOOK_AGAIN = 1.0
"""Seconds for which names that were found in the table hold."""


class QueueNames:
    """The queues asked for, else those of the backend, else (QUEUES: []) whatever has jobs waiting."""

    def __init__(self, backend: JobBackend, wanted: tuple[str, ...]) -> None:
        self._backend = backend
        self._fixed = wanted or tuple(sorted(backend.queues))
        self._found: tuple[str, ...] = ()
        self._look_at = 0.0

    def current(self) -> tuple[str, ...]:
        """Return the names as of now."""
        if self._fixed:
            return self._fixed
        if time.monotonic() >= self._look_at:
            self._found = tuple(waiting_queues(self._backend.alias))
            self._look_at = time.monotonic() + LOOK_AGAIN
        return self._found

"""Serving queues as they come up, where TASKS does not name them."""

import logging
import threading
from collections.abc import Callable

from django.db import DatabaseError, close_old_connections, connections

from taskyard.compat import DEFAULT_TASK_QUEUE_NAME
from taskyard_workers.queues import LOOK_AGAIN, QueueNames

logger = logging.getLogger(__name__)


def first_queues(names: QueueNames) -> tuple[str, ...]:
    """Return the queues to start with: Celery must have some, or takes the app's own."""
    return names.current() or (DEFAULT_TASK_QUEUE_NAME,)


class QueueWatch:
    """Looks for new queues now and then, on a thread of its own or whenever it is told.

    Args:
        names: tells which queues there are.
        serve: called with the name of each that is new.
    """

    def __init__(self, names: QueueNames, serve: Callable[[str], object]) -> None:
        self._names = names
        self._serve = serve
        self._known = set(first_queues(names))
        self._stopped = threading.Event()

    def start(self) -> None:
        """Start looking."""
        threading.Thread(target=self._look_until_stopped, name="taskyard-queues", daemon=True).start()

    def stop(self) -> None:
        """Stop looking."""
        self._stopped.set()

    def look(self) -> None:
        """Look once."""
        try:
            found = self._names.current()
        except DatabaseError as error:
            logger.warning("Cannot tell which queues there are (%s); trying again.", error)
            return
        for queue in found:
            if queue not in self._known:
                self._known.add(queue)
                self._serve(queue)

    def _look_until_stopped(self) -> None:
        while not self._stopped.wait(LOOK_AGAIN):
            close_old_connections()
            self.look()
        connections.close_all()

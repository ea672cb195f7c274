"""Being woken by LISTEN/NOTIFY on PostgreSQL."""

import logging
import threading
from collections.abc import Callable
from typing import Any

from django.db import DatabaseError, connections

from taskyard.database import jobs_alias, jobs_connection

from .publisher import channel

logger = logging.getLogger(__name__)

PATIENCE = 5.0
"""Seconds before a broken connection is opened anew."""


class Listener:
    """Listens on a connection and a thread of its own; calls `wake` when jobs came.

    `listening` tells whether it does, so that the worker knows how often to poll.
    """

    def __init__(self, alias: str, wake: Callable[[], object]) -> None:
        self._channel = channel(alias)
        self._wake = wake
        self._stopped = threading.Event()
        self._thread = threading.Thread(
            target=self._listen_until_stopped, name="taskyard-listener", daemon=True
        )
        self.listening = False

    def start(self) -> None:
        """Start listening where the database can notify."""
        if jobs_connection().vendor == "postgresql":
            self._thread.start()

    def stop(self) -> None:
        """Stop listening."""
        self._stopped.set()

    def _listen_until_stopped(self) -> None:
        while not self._stopped.is_set():
            try:
                self._listen()
            except DatabaseError as error:
                logger.warning("Wake-ups are interrupted (%s); polling meanwhile.", error)
            finally:
                self.listening = False
                connections.close_all()
            self._stopped.wait(PATIENCE)

    def _listen(self) -> None:
        connection = connections[jobs_alias()]
        connection.ensure_connection()
        driver: Any = connection.connection
        if not hasattr(driver, "notifies"):
            logger.info("Install psycopg 3 to have workers woken at once; polling instead.")
            self._stopped.set()
            return
        with connection.cursor() as cursor:
            cursor.execute(f"LISTEN {self._channel}")
        self.listening = True
        self._wake()
        with connection.wrap_database_errors:
            while not self._stopped.is_set():
                for _ in driver.notifies(timeout=1.0, stop_after=1):
                    self._wake()

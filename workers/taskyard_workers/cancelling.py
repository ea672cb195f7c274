"""Hearing that running jobs are to be cancelled, from whatever host it was asked."""

import logging
import threading

from django.db import DatabaseError, connections

from taskyard.database import jobs_alias
from taskyard.models import Job
from taskyard.states import JobState

from .connections import keep_connections
from .live import LiveJobs

logger = logging.getLogger(__name__)

LOOK_INTERVAL = 1.0
"""Seconds between two looks, while anything runs here."""


class CancelWatch:
    """Looks, on a thread of its own, whether somebody wants one of this process's jobs cancelled.

    Args:
        worker_id: this process's in the register.
        jobs: those that run here.
    """

    def __init__(self, worker_id: str, jobs: LiveJobs) -> None:
        self._worker_id = worker_id
        self._jobs = jobs
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._look_until_stopped, name="taskyard-cancel", daemon=True)

    def start(self) -> None:
        """Start looking."""
        self._thread.start()

    def stop(self) -> None:
        """Stop looking."""
        self._stopped.set()
        self._thread.join(timeout=5)

    def look(self) -> None:
        """Look once."""
        asked = Job.objects.using(jobs_alias()).filter(
            worker=self._worker_id, state=JobState.RUNNING, cancel_requested_at__isnull=False
        )
        self._jobs.cancel(asked.values_list("id", "attempt"))

    def _look_until_stopped(self) -> None:
        while not self._stopped.wait(LOOK_INTERVAL):
            if not self._jobs:
                continue
            keep_connections()
            try:
                self.look()
            except DatabaseError as error:
                logger.warning("Cannot tell whether jobs are to be cancelled (%s); trying again.", error)
        connections.close_all()

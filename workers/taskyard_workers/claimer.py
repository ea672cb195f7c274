"""Claiming the jobs that an engine's messages name, many in one statement.

One thread claims; while it does, others' messages queue up, and their jobs go together in the next statement.
An idle process thus claims at once, a busy one in batches, on one connection in all.
"""

import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from uuid import UUID

from django.db import connections

from taskyard.models import Job
from taskyard.transitions import claim_delivered

from .connections import keep_connections

BATCH = 200
"""The most jobs that are claimed in one statement."""

_Asked = tuple[UUID, "Future[Job | None]"]


class Claimer:
    """The one in a process who claims."""

    def __init__(self, worker_id: str, backend: str) -> None:
        self._worker_id = worker_id
        self._backend = backend
        self._asked: queue.SimpleQueue[_Asked | None] = queue.SimpleQueue()
        threading.Thread(target=self._claim_until_closed, name="taskyard-claimer", daemon=True).start()

    def submit(self, job_id: UUID) -> "Future[Job | None]":
        """Have a job claimed; the future yields it, or None where it is not to be had.

        It raises what the database raised, if it did.
        """
        claimed: Future[Job | None] = Future()
        self._asked.put((job_id, claimed))
        return claimed

    def close(self) -> None:
        """Claim what was asked for, and end."""
        self._asked.put(None)

    def _claim_until_closed(self) -> None:
        last = False
        while not last:
            batch, last = self._next_batch()
            if batch:
                self._claim(batch)
        connections.close_all()

    def _next_batch(self) -> tuple[list[_Asked], bool]:
        """Wait for somebody to ask, then take all that have; tell whether they are the last."""
        item = self._asked.get()
        batch: list[_Asked] = []
        while item is not None:
            batch.append(item)
            if len(batch) == BATCH or self._asked.empty():
                return batch, False
            item = self._asked.get()
        return batch, True

    def _claim(self, batch: Sequence[_Asked]) -> None:
        keep_connections()
        try:
            jobs = claim_delivered([job_id for job_id, _ in batch], self._worker_id, self._backend)
        except Exception as error:
            for _, claimed in batch:
                claimed.set_exception(error)
            return
        for job_id, claimed in batch:
            claimed.set_result(jobs.pop(job_id, None))  # the first of two messages for one job gets it

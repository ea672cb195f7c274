"""Writing the outcomes of a process's jobs, many in one statement.

Whoever ends an attempt waits until its outcome is written, for only then may the engine's message be
acknowledged and the world be told. One thread writes; while it does, others queue up, and go together in
the next statement. An idle process thus writes at once, a busy one in batches, with no timer in between.
"""

import logging
import queue
import threading
import time
from concurrent.futures import Future
from uuid import UUID

from django.db import DatabaseError, InterfaceError, OperationalError, connections

from taskyard.database import jobs_alias
from taskyard.models import Job
from taskyard.run import Run
from taskyard.signals import job_progressed
from taskyard.states import JobState
from taskyard.transitions import Outcome, conclude

from .connections import keep_connections

logger = logging.getLogger(__name__)

PROGRESS_INTERVAL = 1.0
"""Seconds between two writes of running jobs' progress."""

BATCH = 200
"""The most outcomes that go in one statement."""

PATIENCE = 1.0
"""Seconds before a write that the database refused is tried again."""

_Waiting = tuple[Outcome, "Future[bool]"]


class Recorder:
    """The one writer of a process."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._watched: dict[UUID, Run] = {}
        self._closed = False
        self._thread = threading.Thread(
            target=self._write_until_closed, name="taskyard-recorder", daemon=True
        )

    def start(self) -> None:
        """Start writing."""
        self._thread.start()

    def close(self, timeout: float = 10.0) -> None:
        """Write what waits and stop; give up after `timeout` seconds without a database."""
        self._closed = True
        self._waiting.put(None)
        self._thread.join(timeout)

    def submit(self, outcome: Outcome) -> "Future[bool]":
        """Have an outcome written; the future tells whether it was accepted."""
        written: Future[bool] = Future()
        self._waiting.put((outcome, written))
        return written

    def record(self, outcome: Outcome) -> bool:
        """Write an outcome and wait for it."""
        return self.submit(outcome).result()

    def watch(self, run: Run) -> None:
        """Write this run's progress from now on."""
        self._watched[run.job.id] = run

    def unwatch(self, run: Run) -> None:
        """Leave this run's progress to its outcome."""
        self._watched.pop(run.job.id, None)

    # --- the writing thread ---

    def _write_until_closed(self) -> None:
        next_progress = time.monotonic() + PROGRESS_INTERVAL
        while True:
            batch, last = self._next_batch(max(0.0, next_progress - time.monotonic()))
            if batch:
                self._write(batch)
            if time.monotonic() >= next_progress:
                self._write_progress()
                next_progress = time.monotonic() + PROGRESS_INTERVAL
            if last:
                break
        connections.close_all()

    def _next_batch(self, patience: float) -> tuple[list[_Waiting], bool]:
        """Wait for one outcome, then take all that are there; tell whether they are the last."""
        batch: list[_Waiting] = []
        try:
            item = self._waiting.get(timeout=patience)
            while True:
                if item is None:
                    return batch, True
                batch.append(item)
                if len(batch) == BATCH:
                    return batch, False
                item = self._waiting.get_nowait()
        except queue.Empty:
            return batch, False

    def _write(self, batch: list[_Waiting]) -> None:
        while True:
            keep_connections()
            try:
                recorded = conclude([outcome for outcome, _ in batch])
                break
            except (OperationalError, InterfaceError) as error:
                logger.warning(
                    "%d outcomes could not be written (%s); trying again in %.0f s.",
                    len(batch),
                    error,
                    PATIENCE,
                )
                time.sleep(PATIENCE)
            except DatabaseError as error:
                self._write_singly(batch, error)
                return
        for outcome, written in batch:
            attempt = (outcome.job_id, outcome.attempt)
            written.set_result(attempt in recorded)
            recorded.discard(attempt)  # a second outcome of the same attempt has lost

    def _write_singly(self, batch: list[_Waiting], error: DatabaseError) -> None:
        """Find the outcome that the database does not take, so that it harms no other."""
        if len(batch) == 1:
            batch[0][1].set_exception(error)
            return
        for waiting in batch:
            self._write([waiting])

    def _write_progress(self) -> None:
        for run in list(self._watched.values()):
            news = run.progress.take_news()
            if news is None:
                continue
            try:
                Job.objects.using(jobs_alias()).filter(
                    pk=run.job.id, attempt=run.job.attempt, state=JobState.RUNNING
                ).update(progress=news.as_json())
            except DatabaseError as error:
                logger.warning("The progress of job %s could not be written: %s", run.job.id, error)
                continue
            if run.result is not None:
                job_progressed.send_robust(sender=type(run.backend), task_result=run.result, progress=news)

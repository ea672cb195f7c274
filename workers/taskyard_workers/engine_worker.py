"""The worker of an engine that lives in this process: the same from the first log line to the exit code."""

import logging
import queue
from contextlib import suppress
from typing import Protocol

from django.db import DatabaseError
from django.db.models import Q

from taskyard.backend import JobBackend, WorkerOptions
from taskyard.database import DatabaseNow, jobs_alias
from taskyard.models import Job
from taskyard.pauses import queue_is_paused
from taskyard.states import JobState

from .consumer import Consumer
from .dispatcher import Dispatcher
from .process import JobProcess
from .shutdown import Shutdown

logger = logging.getLogger(__name__)

LOOK_INTERVAL = 0.25
"""Seconds between two looks at whether the worker is to go on."""


class Engine(Protocol):
    """An engine's own worker, as an adapter wraps it."""

    def start(self) -> None:
        """Start fetching messages, on threads of the engine's own, and run each by `Consumer`."""

    def pause(self) -> None:
        """Fetch no more; running jobs go on."""

    def stop(self) -> None:
        """End the threads; nothing runs any more, or what runs was given up."""

    @property
    def is_alive(self) -> bool:
        """Whether messages are still being fetched, or tried to."""


class EngineWorker:
    """One process's life around an engine's worker."""

    def __init__(self, backend: JobBackend, options: WorkerOptions) -> None:
        self._backend = backend
        self._options = options
        self._news: queue.SimpleQueue[None] = queue.SimpleQueue()
        self.shutdown = Shutdown()
        """What makes this process stop, whoever asks."""
        self.shutdown.wake = lambda: self._news.put(None)
        self._process = JobProcess(backend, options, self.shutdown)
        self.consumer = Consumer(self._process)

    def run(self, engine: Engine) -> int:
        """Run jobs until told to stop, or in burst mode until none is left; return the exit code."""
        dispatcher = Dispatcher()
        with self.shutdown.on_signals(), self._process.joined():
            dispatcher.start()
            try:
                engine.start()
                logger.info("Worker %s is ready.", self._process.membership.worker_id)
                self._watch(engine)
                engine.pause()
                self.shutdown.stop()  # at the end of a burst nobody else has said so
            finally:
                dispatcher.stop()
            code = self._process.drain(self._wait)
            engine.stop()
            self.consumer.close()
            return code

    def _watch(self, engine: Engine) -> None:
        while not self.shutdown.stopping:
            self._process.may_claim()  # at its limits the process asks to be replaced
            if not engine.is_alive:
                self.shutdown.replace_process(f"{self._backend.engine}'s worker has ended by itself.")
            elif self._options.burst and self._nothing_is_left():
                return
            self._wait(LOOK_INTERVAL)

    def _nothing_is_left(self) -> bool:
        """Tell, in burst mode, whether all that is due now is done."""
        jobs = self._process.jobs
        return not jobs and not jobs_wait(self._backend, self._options) and not jobs

    def _wait(self, seconds: float) -> None:
        with suppress(queue.Empty):
            self._news.get(timeout=max(0.0, seconds))
            while True:
                self._news.get_nowait()


def jobs_wait(backend: JobBackend, options: WorkerOptions) -> bool:
    """Tell whether jobs that are due wait in the queues served; the database knows. If in doubt: yes."""
    waiting = Job.objects.using(jobs_alias()).filter(
        ~queue_is_paused(), state=JobState.READY, backend=backend.alias
    )
    if options.queues:
        waiting = waiting.filter(queue__in=options.queues)
    try:
        return waiting.filter(Q(due_at__lte=DatabaseNow()) | ~Q(delivered_at=None)).exists()
    except DatabaseError as error:
        logger.warning("Cannot tell whether jobs are left (%s).", error)
        return True

"""The embedded engine's worker: takes waiting jobs from the table and runs them in this process."""

import logging
import queue
from contextlib import suppress
from typing import TYPE_CHECKING

from django.db import DatabaseError

from taskyard.backend import WorkerOptions
from taskyard.transitions import Claims, claim_waiting
from taskyard_workers.connections import keep_connections
from taskyard_workers.dispatcher import Dispatcher
from taskyard_workers.process import JobProcess
from taskyard_workers.queues import QueueNames
from taskyard_workers.runner import Runner
from taskyard_workers.shutdown import Shutdown

from .listener import Listener

if TYPE_CHECKING:
    from .backend import EmbeddedBackend

logger = logging.getLogger(__name__)

FIRST_POLL = 0.005
"""Seconds to the first look after work ran out; doubles up to the longest while nothing comes."""

POLL_WHEN_LISTENING = 1.0
"""Seconds between two looks where NOTIFY wakes the worker: for the notification that got lost."""

LONGEST_WAIT_FOR_SLOT = 1.0
"""Seconds after which a job that was claimed ahead is handed back: the jobs before it turned out long."""

PATIENCE = 1.0
"""Seconds before the database is tried again."""


class EmbeddedWorker:
    """One process's loop: claim as many jobs as there are free slots, start them, wait for news."""

    def __init__(self, backend: "EmbeddedBackend", options: WorkerOptions) -> None:
        self._backend = backend
        self._options = options
        self._news: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._shutdown = Shutdown()
        self._shutdown.wake = self._wake
        self._process = JobProcess(backend, options, self._shutdown)
        self._runner = Runner(options.concurrency, self._process.jobs, on_free=self._wake)
        self._listener = Listener(backend.alias, self._wake)
        self._dispatcher = Dispatcher(on_delivered=self._wake)
        self._queues = QueueNames(backend, options.queues)
        self._pause = FIRST_POLL

    def run(self) -> int:
        """Run jobs until told to stop, or in burst mode until none is left; return the exit code."""
        with self._shutdown.on_signals(), self._process.joined():
            self._listener.start()
            self._dispatcher.start()
            logger.info("Worker %s is ready.", self._process.membership.worker_id)
            try:
                self._work()
            finally:
                self._dispatcher.stop()
                self._listener.stop()
            self._hand_back_unstarted()
            code = self._process.drain(self._wait)
            self._runner.close()
            return code

    def _work(self) -> None:
        while not self._shutdown.stopping:
            if self._start_waiting_jobs():
                self._pause = FIRST_POLL
            elif self._options.burst and self._nothing_is_left():
                return
            else:
                self._wait_for_news()

    def _start_waiting_jobs(self) -> int:
        """Claim as many jobs as there are free slots and start them; return how many."""
        self._hand_back_unstarted(older_than=LONGEST_WAIT_FOR_SLOT)
        room = min(self._runner.room, self._process.may_claim())
        if not room:
            return 0
        try:
            keep_connections()
            jobs = claim_waiting(
                Claims(
                    backend=self._backend.alias,
                    queues=self._queues.current(),
                    worker=self._process.membership.worker_id,
                    limit=room,
                )
            )
        except DatabaseError as error:
            logger.warning("No jobs could be claimed (%s); trying again in %.0f s.", error, PATIENCE)
            self._wait(PATIENCE)
            return 0
        for job in jobs:
            self._runner.start(job)
        return len(jobs)

    def _hand_back_unstarted(self, older_than: float = 0.0) -> None:
        for outcome in self._runner.unstarted(older_than):
            self._process.recorder.submit(outcome)

    def _nothing_is_left(self) -> bool:
        """Tell, in burst mode, whether all that is due now is done."""
        if self._process.jobs:
            return False
        Dispatcher().run_once()
        return not self._start_waiting_jobs()

    def _wait_for_news(self) -> None:
        """Wait for a free slot, a wake-up or a signal; where nothing can wake us, look again soon."""
        if not self._runner.has_free_slot or self._listener.listening:
            self._wait(POLL_WHEN_LISTENING)
        else:
            came = self._wait(self._pause)
            longest = self._backend.settings.POLL_INTERVAL
            self._pause = FIRST_POLL if came else min(self._pause * 2, longest)

    def _wait(self, seconds: float) -> bool:
        """Wait for news, at most so long; tell whether some came."""
        try:
            self._news.get(timeout=max(0.0, seconds))
        except queue.Empty:
            return False
        with suppress(queue.Empty):
            while True:
                self._news.get_nowait()
        return True

    def _wake(self) -> None:
        self._news.put(None)

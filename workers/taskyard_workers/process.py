"""What every process that runs jobs is made of: its place in the register, its writer and its jobs."""

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from taskyard.backend import JobBackend, WorkerOptions
from taskyard.transitions import conclude

from . import exits
from .cancelling import CancelWatch
from .live import LiveJobs
from .membership import Membership
from .memory import held_memory
from .models import Wish
from .recorder import Recorder
from .shutdown import Shutdown
from .signals import process_started, process_stopping

logger = logging.getLogger(__name__)

MIB = 1024 * 1024

TIME_TO_YIELD = 2.0
"""Seconds that interrupted tasks get at the very end to hand themselves back."""


class JobProcess:
    """Runs an engine's jobs in this process, from joining the register to leaving it."""

    def __init__(self, backend: JobBackend, options: WorkerOptions, shutdown: Shutdown) -> None:
        self.backend = backend.alias
        self.options = options
        self.shutdown = shutdown
        self.is_quiet = False
        """Whether an operator wants this process to claim no more, and stay."""

        self.membership = Membership(
            backend,
            options,
            on_lost=lambda: shutdown.replace_process("it was declared lost."),
            on_wish=self._obey,
            latest_claim=lambda: self.jobs.latest_claim,
        )
        self.recorder = Recorder()
        self.jobs = LiveJobs(
            self.recorder,
            on_stuck=lambda: shutdown.replace_process("a task does not react to its timeout."),
            on_keyboard_interrupt=shutdown.stop,
        )
        self._cancel_watch = CancelWatch(self.membership.worker_id, self.jobs)

    @contextmanager
    def joined(self) -> Iterator[None]:
        """Be in the register for as long as the block runs.

        Raises:
            NotMigrated: where the tables are missing.
        """
        self.membership.join()
        self.recorder.start()
        self._cancel_watch.start()
        process_started.send_robust(sender=JobProcess, process=self)
        try:
            yield
        finally:
            self._cancel_watch.stop()
            self.recorder.close()
            process_stopping.send_robust(sender=JobProcess, process=self)
            self.membership.leave()

    def may_claim(self) -> int:
        """Return how many more jobs this process may claim; at its limits it asks to be replaced."""
        if self.is_quiet:
            return 0  # at its limits, too: the process that took its place would not be quiet
        limits, jobs = self.options, self.jobs
        allowed = sys.maxsize
        if limits.max_jobs is not None:
            here = len(jobs)  # read first: a job that ends in between then counts twice, not never
            allowed = limits.max_jobs - here - jobs.finished
            if jobs.finished >= limits.max_jobs:
                self.shutdown.replace_process(f"it has run {jobs.finished} jobs.")
        if limits.max_memory_mib is not None and (held := held_memory() // MIB) > limits.max_memory_mib:
            self.shutdown.replace_process(f"it holds {held} MiB, over the limit of {limits.max_memory_mib}.")
        if self.shutdown.stopping or not self.membership.may_claim():
            return 0
        return max(0, allowed)

    def drain(self, wait: Callable[[float], object]) -> int:
        """Let running jobs finish, hand back those that do not, and return the process's exit code.

        Args:
            wait: waits for a job to end or a signal to come, for so many seconds at most.
        """
        jobs, grace = self.jobs, self.options.grace
        if jobs:
            logger.info("Waiting up to %.0f s for %d running jobs.", grace, len(jobs))
        self._wait_until_idle(grace, wait, unless=lambda: self.shutdown.at_once)
        if jobs:
            logger.warning("%d jobs did not finish in time; they are handed back.", len(jobs))
            jobs.interrupt_all()
            self._wait_until_idle(TIME_TO_YIELD, wait, unless=lambda: False)
        self.recorder.close()
        abandoned = jobs.abandoned()
        conclude(abandoned)
        jobs.close()
        return self.shutdown.exit_code(exits.CUT_OFF if abandoned else exits.CLEAN)

    def _obey(self, wish: str) -> None:
        """Do what an operator asks of this process."""
        if wish == Wish.STOP:
            logger.info("An operator asks worker %s to stop.", self.membership.worker_id)
            self.shutdown.dismiss()
            return
        if self.is_quiet != (wish == Wish.QUIET):
            self.is_quiet = not self.is_quiet
            what = "claims no more jobs" if self.is_quiet else "claims jobs again"
            logger.info("As an operator asks, worker %s %s.", self.membership.worker_id, what)
            self.shutdown.wake()

    def _wait_until_idle(
        self, seconds: float, wait: Callable[[float], object], unless: Callable[[], bool]
    ) -> None:
        deadline = time.monotonic() + seconds
        while self.jobs and not unless() and time.monotonic() < deadline:
            wait(min(0.5, deadline - time.monotonic()))

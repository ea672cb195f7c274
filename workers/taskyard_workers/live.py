"""The jobs that run in this process: each within its time, each to be interrupted."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.db import close_old_connections, connections, reset_queries

from taskyard.exceptions import CancelRequested, Interrupted, JobTimeout, WorkerStopping
from taskyard.execution import AsyncEffects, SyncEffects, attempt, run_now
from taskyard.models import Job
from taskyard.run import Run, prepare
from taskyard.transitions import Outcome

from .interruption import InterruptibleCoroutine, InterruptibleThread
from .recorder import Recorder

logger = logging.getLogger(__name__)

TIME_TO_REACT = 5.0
"""Seconds an interrupted task gets to end before it counts as stuck."""


@dataclass(slots=True)
class Live:
    """A claimed job on its way through this process."""

    run: Run
    interruptible: InterruptibleThread | InterruptibleCoroutine
    claimed: float = field(default_factory=time.monotonic)
    deadline: float | None = None
    """When its time is up, by this process's monotonic clock."""

    interrupted: type[Interrupted] | None = None
    on_called: Callable[[], object] = lambda: None
    """Called once the task's own code has ended, before its outcome is written."""


class LiveJobs:
    """Runs claimed jobs on the caller's thread or event loop, and watches over their time.

    Args:
        recorder: writes their outcomes.
        on_stuck: called when a task does not react to being interrupted; only a new process gets rid of it.
        on_keyboard_interrupt: called when a task lets a KeyboardInterrupt through.
    """

    def __init__(
        self,
        recorder: Recorder,
        *,
        on_stuck: Callable[[], object],
        on_keyboard_interrupt: Callable[[], object],
    ) -> None:
        self.finished = 0
        self.latest_claim: datetime | None = None
        """When the latest job was claimed, by the database's clock."""

        self._recorder = recorder
        self._on_stuck = on_stuck
        self._on_keyboard_interrupt = on_keyboard_interrupt
        self._live: dict[UUID, Live] = {}
        self._expected: list[object] = []
        self._deadlines_changed = threading.Event()
        self._closed = False
        threading.Thread(target=self._watch, name="taskyard-watchdog", daemon=True).start()

    def __len__(self) -> int:
        """How many jobs are here, those whose outcome is being written included."""
        return len(self._live) + len(self._expected)

    @contextmanager
    def expecting(self) -> Iterator[None]:
        """Count a job as here while it is being claimed, so that nobody takes the process for idle."""
        self._expected.append(None)
        try:
            yield
        finally:
            self._expected.pop()

    def add(self, job: Job) -> Live:
        """Take charge of a claimed job."""
        run = prepare(job)
        live = Live(run, InterruptibleCoroutine() if run.is_async else InterruptibleThread())
        self._live[job.id] = live
        self.latest_claim = job.last_attempted_at
        self._recorder.watch(run)
        return live

    def forget(self, live: Live) -> None:
        """Give a job out of this process's hands."""
        self._recorder.unwatch(live.run)
        self._live.pop(live.run.job.id, None)

    def run(self, live: Live) -> Outcome | None:
        """Run a job to its recorded end on this thread; never raises.

        Returns how the attempt ended, or None where that was not recorded.
        """
        assert isinstance(live.interruptible, InterruptibleThread)
        interruptible = live.interruptible

        def record(outcome: Outcome) -> bool:
            self._task_has_ended(live)
            return self._recorder.record(outcome)

        reset_queries()
        close_old_connections()
        self._start_clock(live)
        try:
            return run_now(attempt(live.run, SyncEffects(record, lambda _: interruptible)))
        except KeyboardInterrupt:
            self._on_keyboard_interrupt()
        except BaseException:
            logger.exception("Job %s could not be brought to an end.", live.run.job.id)
        finally:
            close_old_connections()
            self._done(live)
        return None

    async def arun(self, live: Live) -> Outcome | None:
        """Run a job to its recorded end on this event loop; see `run`."""
        assert isinstance(live.interruptible, InterruptibleCoroutine)
        interruptible = live.interruptible

        async def call(run: Run) -> object:
            return await interruptible.run(run.acall())

        async def record(outcome: Outcome) -> bool:
            self._task_has_ended(live)
            return await asyncio.wrap_future(self._recorder.submit(outcome))

        self._start_clock(live)
        try:
            # A thread of its own for the task's sync parts, as Django gives each request.
            async with ThreadSensitiveContext():
                try:
                    return await attempt(live.run, AsyncEffects(record, call))
                finally:
                    await sync_to_async(connections.close_all)()
        except KeyboardInterrupt:
            self._on_keyboard_interrupt()
        except BaseException:
            logger.exception("Job %s could not be brought to an end.", live.run.job.id)
        finally:
            self._done(live)
        return None

    def interrupt_all(self) -> None:
        """Make all running tasks stop, to be handed back."""
        for live in list(self._live.values()):
            self._interrupt(live, WorkerStopping)

    def cancel(self, attempts: Iterable[tuple[UUID, int]]) -> None:
        """Make these jobs stop, as far as it is these attempts at them that run here."""
        for job_id, attempt_number in attempts:
            live = self._live.get(job_id)
            if live is not None and live.run.job.attempt == attempt_number:
                self._interrupt(live, CancelRequested)

    def abandoned(self) -> list[Outcome]:
        """Return what to record for the tasks that would not stop, right before the process ends."""
        return [_abandoned(live) for live in list(self._live.values())]

    def close(self) -> None:
        """Stop watching."""
        self._closed = True
        self._deadlines_changed.set()

    # --- the course of a job ---

    def _start_clock(self, live: Live) -> None:
        timeout = live.run.policy.timeout
        if timeout is not None:
            live.deadline = time.monotonic() + timeout
            self._deadlines_changed.set()

    def _task_has_ended(self, live: Live) -> None:
        live.deadline = None
        live.on_called()

    def _done(self, live: Live) -> None:
        self._task_has_ended(live)
        # Counted first: who asks in between must not take the process for one with room for another job.
        self.finished += 1
        self.forget(live)

    # --- time limits ---

    def _watch(self) -> None:
        while not self._closed:
            self._deadlines_changed.wait(self._until_next_deadline())
            self._deadlines_changed.clear()
            now = time.monotonic()
            for live in list(self._live.values()):
                if live.deadline is not None and live.deadline <= now:
                    self._time_is_up(live)

    def _until_next_deadline(self) -> float | None:
        deadlines = [live.deadline for live in list(self._live.values()) if live.deadline is not None]
        return max(0.0, min(deadlines) - time.monotonic()) if deadlines else None

    def _time_is_up(self, live: Live) -> None:
        job = live.run.job
        if live.interrupted is None:
            self._interrupt(live, JobTimeout)
            live.deadline = time.monotonic() + TIME_TO_REACT
            return
        live.deadline = None
        logger.error(
            "Job %s of %s does not react to its timeout: it sits in a call that Python cannot interrupt. Its "
            "process is replaced; give such calls a timeout of their own.",
            job.id,
            job.task,
        )
        self._on_stuck()

    def _interrupt(self, live: Live, error: type[Interrupted]) -> None:
        if live.interrupted is None:
            live.interrupted = live.run.progress.interrupted = error
            live.interruptible.interrupt(error)


def _abandoned(live: Live) -> Outcome:
    if live.interrupted is JobTimeout:
        return live.run.failed(
            JobTimeout("The task ran over its timeout and did not react; its process was ended.")
        )
    return live.run.cancelled() if live.interrupted is CancelRequested else live.run.released()

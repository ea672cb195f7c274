"""One attempt at a claimed job: from the row to the outcome.

The body, `attempt`, is written once, as a coroutine. What it does to the world outside goes through
`Effects`: with `AsyncEffects` it is awaited on an event loop; with `SyncEffects` no step ever waits, so
the coroutine runs straight through on the calling thread (`run_now`), where signal receivers see the
exception being handled just as Django's contract wants.
"""

import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol, TypeVar

from django.db import DatabaseError
from django.dispatch import Signal

from . import history
from .compat import asend_robust, task_finished, task_started
from .current import running
from .exceptions import WorkerStopping
from .run import Run
from .signals import attempt_ended, attempt_started, job_cancelled, job_retried
from .states import Event
from .transitions import Outcome

T = TypeVar("T")

logger = logging.getLogger(__name__)


class Effects(Protocol):
    """What an attempt does to the world outside."""

    async def call(self, run: Run) -> Any:
        """Call the task and return what it returns."""

    async def send(self, signal: Signal, run: Run, **named: Any) -> None:
        """Send a signal about the job; a receiver that raises is logged."""

    async def record(self, outcome: Outcome) -> bool:
        """Write the outcome; False where the job is no longer in this attempt's hands."""


async def attempt(run: Run, effects: Effects) -> Outcome | None:
    """Run a claimed job once and record how that ended.

    Returns the outcome, or None where it was refused: another worker has the job, or had it.

    Raises:
        KeyboardInterrupt: from the task, once the job is handed back.
    """
    with running(run):
        attempt_started.send_robust(sender=Run, run=run)
        ended: Outcome | None = None
        try:
            ended = await _attempt(run, effects)
        finally:
            attempt_ended.send_robust(sender=Run, run=run, outcome=ended)
        return ended


async def _attempt(run: Run, effects: Effects) -> Outcome | None:
    await _announce(task_started, run, effects)
    try:
        outcome = run.succeeded(await effects.call(run))
    except KeyboardInterrupt:
        await _recorded(run, run.released(), effects)
        raise
    except WorkerStopping:
        return await _recorded(run, run.released(), effects)
    except BaseException as error:
        # Inside the except block, because receivers read sys.exc_info().
        return await _close(run, run.ended_by(error), effects, error)
    return await _close(run, outcome, effects)


async def _close(
    run: Run, outcome: Outcome, effects: Effects, error: BaseException | None = None
) -> Outcome | None:
    outcome_or_none = await _recorded(run, outcome, effects)
    if outcome_or_none is None:
        return None
    outcome = outcome_or_none
    if outcome.event == Event.SNOOZE:
        logger.info("Job %s of %s puts itself off for %.1f s.", run.job.id, run.job.task, outcome.delay)
        return outcome
    run.show(outcome)
    if outcome.event == Event.RETRY:
        logger.warning(
            "Job %s of %s failed in attempt %d and is tried again in %.1f s.",
            run.job.id,
            run.job.task,
            history.count(outcome.history, history.FAILED),
            outcome.delay,
            exc_info=error,
        )
        await _announce(job_retried, run, effects, delay=outcome.delay)
        return outcome
    if run.fault is not None:
        logger.error("Job %s failed: %s", run.job.id, run.fault)
    await _announce(task_finished, run, effects)
    if outcome.event == Event.CANCEL:
        await _announce(job_cancelled, run, effects)
    return outcome


async def _recorded(run: Run, outcome: Outcome, effects: Effects) -> Outcome | None:
    try:
        recorded = await effects.record(outcome)
    except DatabaseError as error:
        # The database takes no such row, and never will: better failed with the reason than running for ever.
        run.progress.latest = None
        outcome = run.failed(error)
        recorded = await effects.record(outcome)
    if recorded:
        return outcome
    logger.warning(
        "The outcome %r of job %s, attempt %d, was refused: the job is no longer this worker's.",
        outcome.event.value,
        run.job.id,
        run.job.attempt,
    )
    return None


async def _announce(signal: Signal, run: Run, effects: Effects, **named: Any) -> None:
    if run.result is not None:
        await effects.send(signal, run, **named)


class SyncEffects:
    """Effects on the calling thread: no step ever waits."""

    def __init__(
        self,
        record: Callable[[Outcome], bool],
        guard: Callable[[Run], AbstractContextManager[object]] = lambda _: nullcontext(),
    ) -> None:
        self._record = record
        self._guard = guard

    async def call(self, run: Run) -> Any:
        """Call the task within the guard."""
        with self._guard(run):
            return run.call()

    async def send(self, signal: Signal, run: Run, **named: Any) -> None:
        """Send the signal to sync receivers here, to async ones through a loop of their own."""
        signal.send_robust(sender=type(run.backend), task_result=run.result, **named)

    async def record(self, outcome: Outcome) -> bool:
        """Write the outcome."""
        return self._record(outcome)


class AsyncEffects:
    """Effects on an event loop."""

    def __init__(
        self,
        record: Callable[[Outcome], Awaitable[bool]],
        call: Callable[[Run], Awaitable[Any]] = Run.acall,
    ) -> None:
        self._record = record
        self._call = call

    async def call(self, run: Run) -> Any:
        """Await the task."""
        return await self._call(run)

    async def send(self, signal: Signal, run: Run, **named: Any) -> None:
        """Send the signal without blocking the loop."""
        await asend_robust(signal, sender=type(run.backend), task_result=run.result, **named)

    async def record(self, outcome: Outcome) -> bool:
        """Write the outcome."""
        return await self._record(outcome)


def run_now(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never waits, on this thread and without a loop.

    Raises:
        RuntimeError: where it does wait.
    """
    try:
        coroutine.send(None)
    except StopIteration as finished:
        value: T = finished.value
        return value
    coroutine.close()
    raise RuntimeError("A step of a sync attempt tried to wait; use AsyncEffects on an event loop.")

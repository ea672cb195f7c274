"""The job that the calling code belongs to."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import history
from .metadata import continued_trace, only
from .progress import Progress, ProgressSlot, current_slot

if TYPE_CHECKING:
    from .run import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentJob:
    """What a running job may know about itself."""

    id: str
    task: str
    """The dotted path of its task."""

    queue: str
    attempt: int
    """From 1; what was handed back or snoozed does not count."""

    snoozes: int
    """How often the job has put itself off."""

    metadata: Mapping[str, Any]
    """What came with it from its enqueueing."""

    _slot: ProgressSlot = field(repr=False)

    @property
    def progress(self) -> Progress | None:
        """What was last reported in this attempt."""
        return self._slot.latest


_current: ContextVar[CurrentJob | None] = ContextVar("taskyard_job", default=None)


def current_job() -> CurrentJob | None:
    """Return the job that the calling code belongs to, or None outside one.

    Works in sync and async tasks, and in threads that `sync_to_async` or `asyncio.to_thread` start. A thread
    of your own does not belong to the job, unless you run it in a copy of the context.
    """
    return _current.get()


@contextmanager
def running(run: "Run") -> Iterator[None]:
    """Make a run's job the current one within the block."""
    job = run.job
    metadata = job.metadata if isinstance(job.metadata, dict) else {}
    current = CurrentJob(
        id=str(job.id),
        task=job.task,
        queue=job.queue,
        attempt=job.attempt if run.result is None else run.result.attempts,
        snoozes=history.snoozes(job.history()),
        metadata=metadata,
        _slot=run.progress,
    )
    job_token, slot_token = _current.set(current), current_slot.set(run.progress)
    try:
        with only(metadata), continued_trace(metadata):
            yield
    finally:
        current_slot.reset(slot_token)
        _current.reset(job_token)

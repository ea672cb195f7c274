"""How far a running job is.

A task only notes its progress in memory; the worker that runs it writes what has changed once a second,
for all its jobs in one statement, and the outcome carries the last word. So a report costs a task next
to nothing, in sync and in async code alike.
"""

from collections.abc import Iterable, Iterator, Sized
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

from asgiref.sync import sync_to_async

from .exceptions import Interrupted
from .payload import clean_text

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is: `done` of `total` (None: unknown), and a word about it."""

    done: int
    total: int | None = None
    message: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return what the job's `progress` column holds."""
        return {"done": self.done, "total": self.total, "message": self.message}


class ProgressSlot:
    """Where a running task leaves its progress and its worker picks it up, and leaves word when to stop."""

    __slots__ = ("interrupted", "latest", "written")

    def __init__(self) -> None:
        self.latest: Progress | None = None
        self.written: Progress | None = None
        self.interrupted: type[Interrupted] | None = None

    def take_news(self) -> Progress | None:
        """Return progress that was not taken before."""
        latest = self.latest
        if latest is self.written:
            return None
        self.written = latest
        return latest


current_slot: ContextVar[ProgressSlot | None] = ContextVar("taskyard_progress", default=None)


def report_progress(done: int, total: int | None = None, message: str = "") -> None:
    """Say how far the running job is. Outside a job this does nothing.

    Args:
        done: what is done so far, in any unit.
        total: what there is to do, in the same unit; None where unknown.
        message: a short word for people.
    """
    slot = current_slot.get()
    if slot is not None:
        slot.latest = Progress(
            int(done), None if total is None else int(total), clean_text(str(message))[:200]
        )


def track(iterable: Iterable[T], total: int | None = None, message: str = "") -> Iterator[T]:
    """Yield the items and report each as done when the next is asked for.

    Args:
        iterable: what to go through.
        total: how many there are; taken from `len(iterable)` where that works.
        message: a short word for people.
    """
    if total is None and isinstance(iterable, Sized):
        total = len(iterable)
    done = 0
    report_progress(done, total, message)
    for item in iterable:
        yield item
        done += 1
        report_progress(done, total, message)


def check_cancelled() -> None:
    """Stop here if the running job is to stop. Outside a job this does nothing.

    A task is interrupted at its next step anyway, unless a thread of its own does the work, or code around it
    catches every exception: there this is the place to notice.

    Raises:
        CancelRequested, JobTimeout, WorkerStopping: saying why the job is to stop.
    """
    slot = current_slot.get()
    if slot is not None and slot.interrupted is not None:
        raise slot.interrupted


def get_progress(result_id: str) -> Progress | None:
    """Return how far a job is, or None where it has not said.

    Raises:
        TaskResultDoesNotExist: for an unknown or malformed id.
    """
    from .results import find_job  # noqa: PLC0415 - models load after the app registry

    found = find_job(result_id).progress
    if not isinstance(found, dict) or not isinstance(found.get("done"), int):
        return None
    return Progress(found["done"], found.get("total"), str(found.get("message", "")))


async def aget_progress(result_id: str) -> Progress | None:
    """See `get_progress`."""
    return await sync_to_async(get_progress)(result_id)

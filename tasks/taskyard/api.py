"""The functions that people call, beside Django's own on a task."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from asgiref.sync import sync_to_async

from .compat import Task, TaskResult
from .enqueueing import Call, EnqueueingBackend

Arguments = Sequence[Any] | Mapping[str, Any]
"""What one call gets: a sequence of positional arguments or a mapping of keyword arguments."""


def enqueue_many(task: Task, calls: Iterable[Arguments]) -> list[TaskResult]:
    """Enqueue a job per call: many in one insert, all in one delivery.

    Args:
        task: what to call; `task.using(…)` sets priority, queue and time for all of them.
        calls: the arguments of each call, such as `[(1,), (2,)]` or `[{"order_id": 1}]`.

    Returns:
        The results, in the order of the calls.
    """
    backend = task.get_backend()
    prepared = [as_call(arguments) for arguments in calls]
    if isinstance(backend, EnqueueingBackend):
        return [*backend.enqueue_many(task, prepared)]
    return [backend.enqueue(task, list(args), dict(kwargs)) for args, kwargs in prepared]


async def aenqueue_many(task: Task, calls: Iterable[Arguments]) -> list[TaskResult]:
    """See `enqueue_many`; does not block the event loop."""
    backend = task.get_backend()
    prepared = [as_call(arguments) for arguments in calls]
    if isinstance(backend, EnqueueingBackend):
        return [*await backend.aenqueue_many(task, prepared)]
    return [await backend.aenqueue(task, list(args), dict(kwargs)) for args, kwargs in prepared]


def get_result(result_id: str) -> TaskResult:
    """Return a job's result by its id, whatever its task and whichever of Taskyard's backends has it.

    Raises:
        TaskResultDoesNotExist: for an unknown or malformed id.
    """
    from .results import find_job, result_of  # noqa: PLC0415 - models load after the app registry

    return result_of(find_job(result_id))


async def aget_result(result_id: str) -> TaskResult:
    """See `get_result`."""
    return await sync_to_async(get_result)(result_id)


def as_call(arguments: Arguments) -> Call:
    """Return arguments as the positional and the keyword ones.

    Raises:
        TypeError: where they are neither a sequence nor a mapping.
    """
    if isinstance(arguments, Mapping):
        return (), arguments
    if isinstance(arguments, str | bytes) or not isinstance(arguments, Sequence):
        raise TypeError(
            "A call's arguments are a tuple or list, or a mapping of keyword arguments; got "
            f"{type(arguments).__name__}. For one argument write (value,)."
        )
    return arguments, {}

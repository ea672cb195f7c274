"""What was enqueued, and asserting that it was."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from taskyard.compat import Task, TaskResult, normalize_json, task_enqueued
from taskyard.models import Job
from taskyard.results import result_of
from taskyard.states import JobState


@contextmanager
def collect() -> Iterator[list[TaskResult]]:
    """Collect the results of what is enqueued within the block, on any backend."""
    collected: list[TaskResult] = []

    def note(task_result: TaskResult, **_: Any) -> None:
        collected.append(task_result)

    task_enqueued.connect(note, weak=False)
    try:
        yield collected
    finally:
        task_enqueued.disconnect(note)


def enqueued(
    task: Task | None = None,
    *,
    args: Sequence[Any] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    queue: str | None = None,
) -> list[TaskResult]:
    """Return the jobs that wait, oldest first; each argument narrows the choice."""
    return [result_of(job) for job in _waiting() if _matches(job, task, args, kwargs, queue)]


def assert_enqueued(
    task: Task,
    *,
    args: Sequence[Any] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    queue: str | None = None,
    times: int | None = None,
) -> list[TaskResult]:
    """Assert that jobs of a task wait, and return them.

    Args:
        task: the task.
        args: its positional arguments; None: any.
        kwargs: its keyword arguments; None: any.
        queue: the queue's name; None: any.
        times: how many jobs there must be; None: one or more.

    Raises:
        AssertionError: saying what waits instead.
    """
    found = enqueued(task, args=args, kwargs=kwargs, queue=queue)
    if (not found) if times is None else (len(found) != times):
        wanted = "a job" if times is None else f"{times} jobs"
        raise AssertionError(
            f"Expected {wanted} {_described(task.module_path, args, kwargs, queue)}; found {len(found)}. "
            f"{_what_waits()}"
        )
    return found


def assert_not_enqueued(
    task: Task,
    *,
    args: Sequence[Any] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    queue: str | None = None,
) -> None:
    """Assert that no such job waits; see `assert_enqueued` for the arguments.

    Raises:
        AssertionError: saying what waits.
    """
    found = enqueued(task, args=args, kwargs=kwargs, queue=queue)
    if found:
        raise AssertionError(
            f"Expected no job {_described(task.module_path, args, kwargs, queue)}; found {len(found)}. "
            f"{_what_waits()}"
        )


def _waiting() -> list[Job]:
    return list(Job.objects.filter(state=JobState.READY).order_by("id"))


def _matches(
    job: Job,
    task: Task | None,
    args: Sequence[Any] | None,
    kwargs: Mapping[str, Any] | None,
    queue: str | None,
) -> bool:
    return (
        (task is None or job.task == task.module_path)
        and (args is None or job.args == normalize_json(list(args)))
        and (kwargs is None or job.kwargs == normalize_json(kwargs))
        and (queue is None or job.queue == queue)
    )


def _described(
    path: str, args: Sequence[Any] | None, kwargs: Mapping[str, Any] | None, queue: str | None
) -> str:
    parts = [f"of {path}"]
    if args is not None:
        parts.append(f"with args {list(args)!r}")
    if kwargs is not None:
        parts.append(f"with kwargs {dict(kwargs)!r}")
    if queue is not None:
        parts.append(f"in queue {queue!r}")
    return " ".join(parts)


def _what_waits() -> str:
    lines = [_described(job.task, job.args, job.kwargs, job.queue) for job in _waiting()]
    return "Waiting:\n  " + "\n  ".join(lines) if lines else "Nothing waits."

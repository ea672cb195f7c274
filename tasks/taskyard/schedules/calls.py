"""What a schedule calls, checked before a job is made of it."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from taskyard.compat import InvalidTask, InvalidTaskBackend, Task
from taskyard.enqueueing import EnqueueingBackend
from taskyard.exceptions import JobError
from taskyard.models import Job, Schedule

from .arguments import check_arguments


class ScheduleFault(JobError, ValueError):
    """Why a schedule cannot fire."""


@dataclass(frozen=True, slots=True)
class Call:
    """A task with the arguments it gets."""

    task: Task
    backend: EnqueueingBackend
    args: list[Any]
    kwargs: dict[str, Any]

    def new_jobs(self, schedule: Schedule, number: int) -> list[Job]:
        """Return so many jobs of a schedule, not yet in the table."""
        jobs = self.backend.new_jobs(self.task, [(self.args, self.kwargs)] * number)
        for job in jobs:
            job.schedule_id = schedule.pk
        return jobs


def call_of(schedule: Schedule) -> Call:
    """Return what a schedule calls.

    Raises:
        ScheduleFault: where the task is not there or does not take the arguments.
    """
    task = import_task(schedule.task)
    args, kwargs = schedule.args, schedule.kwargs
    if not isinstance(args, list) or not isinstance(kwargs, dict):
        raise ScheduleFault("Its args must be a JSON list and its kwargs a JSON object.")
    try:
        check_arguments(task, args, kwargs)
        task = _with_overrides(task, schedule)
        backend = task.get_backend()
    except (TypeError, InvalidTask, InvalidTaskBackend) as error:
        raise ScheduleFault(str(error)) from None
    if not isinstance(backend, EnqueueingBackend):
        raise ScheduleFault(
            f"TASKS[{task.backend!r}] is none of Taskyard's backends, and only those know schedules."
        )
    return Call(task, backend, args, kwargs)


def import_task(path: str) -> Task:
    """Return the task at a dotted path.

    Raises:
        ScheduleFault: where there is none.
    """
    module, _, name = path.rpartition(".")
    try:
        found = getattr(import_module(module), name)
    except Exception as error:  # a module may raise anything while it loads
        raise ScheduleFault(f"The task {path!r} cannot be imported: {error}") from error
    if not isinstance(found, Task):
        raise ScheduleFault(f"{path!r} is a {type(found).__name__}, no task. Decorate it with @task.")
    return found


def _with_overrides(task: Task, schedule: Schedule) -> Task:
    wanted: dict[str, Any] = {
        "queue_name": schedule.queue or None,
        "priority": schedule.priority,
        "backend": schedule.backend or None,
    }
    overrides = {name: value for name, value in wanted.items() if value is not None}
    return task.using(**overrides) if overrides else task

"""The call that a job is: each argument with the name of its parameter, as people may see it."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from taskyard.compat import Task
from taskyard.exceptions import TaskNotFound
from taskyard.models import Job
from taskyard.operating.known_tasks import positional_names
from taskyard.operating.presenting import shown_json
from taskyard.operating.redaction import redacted_call
from taskyard.results import task_of


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a call."""

    name: str
    """Of the parameter; where that is not known, its place: 0 for the first."""

    text: str
    """The value as JSON."""


def arguments(job: Job) -> list[Argument]:
    """Return the arguments of a job, redacted, those by position first."""
    args, kwargs = redacted_call(job)
    names = _names(job)
    return [
        *(Argument(next(names), shown_json(value, indent=2)) for value in args),
        *(Argument(name, shown_json(value, indent=2)) for name, value in kwargs.items()),
    ]


def _names(job: Job) -> Iterator[str]:
    """Yield the names of the task's positional parameters, and places after them."""
    task = _task(job)
    places = count()
    if task is not None:
        for name, _ in zip(positional_names(task), places, strict=False):
            yield name
    yield from map(str, places)


def _task(job: Job) -> Task | None:
    try:
        return task_of(job)
    except TaskNotFound:
        return None

"""Looking for jobs by an argument, wherever their calls have it: by name, by position, or within another."""

import json
import operator
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import product
from typing import Any

from django.db.models import F, Q
from django.db.models.fields.json import KeyTransform

from taskyard.compat import Task
from taskyard.exceptions import JobError
from taskyard.payload import storable

from .known_tasks import known_tasks, position_of
from .words import BadSearch

ANY_TASK = ""
"""Stands for a task of which nobody knows more than that it is one."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a job's row an argument may stand."""

    name: str
    transform: KeyTransform
    tasks: tuple[str, ...] = ()
    """The tasks for which it stands there; empty: for all."""

    def holds(self, values: Iterable[Any]) -> Q:
        """Return the condition that one of these stands there."""
        condition = any_of(Q(**{self.name: value}) for value in values)
        return condition & Q(task__in=self.tasks) if self.tasks else condition


def _places_by_position(path: tuple[str, ...], tasks: tuple[str, ...]) -> Iterator[Place]:
    """Find where calls that give the argument by position have it, task by task."""
    by_place: dict[int, list[str]] = {}
    for task in _known(tasks):
        place = position_of(task, path[0])
        if place is not None:
            by_place.setdefault(place, []).append(task.module_path)
    for place, paths in by_place.items():
        yield _place("args", (str(place), *path[1:]), tuple(paths))


def _place(column: str, path: tuple[str, ...], tasks: tuple[str, ...] = ()) -> Place:
    transform: Any = F(column)
    for key in path:
        transform = KeyTransform(key, transform)
    # Names of annotations may not hold what a path may.
    name = f"{column}_{'_'.join(key.encode().hex() for key in path)}"
    return Place(name, transform, tasks)


def _known(tasks: tuple[str, ...]) -> list[Task]:
    """Return the site's tasks that have one of these names, all where there are none."""
    return [task for task in known_tasks() if not tasks or any(_is_named(task, name) for name in tasks)]


def _is_named(task: Task, name: str) -> bool:
    return task.module_path == name or task.module_path.endswith(f".{name}")


def _at(path: list[str], value: Any) -> Any:
    """Return something that holds a value at a path and nothing else."""
    for key in reversed(path):
        value = _reaching(int(key), value) if key.isdecimal() else {key: value}
    return value


def _reaching(place: int, value: Any) -> list[Any]:
    """Return a list with a value at a place, or nearly there where that is far."""
    return [value] * (min(place, FARTHEST_PLACE) + 1)


FARTHEST_PLACE = 100
"""In a list that is made to see whether a hook hides what stands there."""


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a job: its name, its place (`0`), or a path into it (`customer.id`); and its value."""

    path: tuple[str, ...]
    values: tuple[Any, ...]
    """Any of these; `42` may have been a number or a text."""

    def places(self, tasks: tuple[str, ...]) -> Iterator[Place]:
        """Yield where jobs of these tasks, or of any, may have it."""
        if self.path[0].isdecimal():
            yield _place("args", self.path)
        else:
            yield _place("kwargs", self.path)
            yield from _places_by_position(self.path, tasks)

    def calls(self, tasks: tuple[str, ...]) -> Iterator[tuple[str, list[Any], dict[str, Any]]]:
        """Yield calls of these tasks, or of any, that hold nothing else; by position it is the last."""
        known = {task.module_path: task for task in _known(tasks)}
        name, *inner = self.path
        for value, path in product(self.values, dict.fromkeys([*known, *(tasks or (ANY_TASK,))])):
            held = _at(inner, value)
            if name.isdecimal():
                yield path, _reaching(int(name), held), {}
                continue
            yield path, [], {name: held}
            place = position_of(known[path], name) if path in known else None
            if place is not None:
                yield path, _reaching(place, held), {}

    def __str__(self) -> str:
        """Return it as a word that `Search.parse` reads."""
        text = self.values[-1]
        if len(self.values) == 1 and not _is_plain(text):
            text = json.dumps(text, ensure_ascii=False)
        return f"args.{'.'.join(self.path)}:{text}"


def read_argument(path: str, text: str) -> Argument:
    """Read an argument's condition, such as `order` and `42`.

    Raises:
        BadSearch: where there is no path.
    """
    keys = tuple(path.split("."))
    if not all(keys):
        raise BadSearch(f"{path!r} names no argument; write order, customer.id, or 0 for the first.")
    if any(key.isdecimal() and len(key) > LONGEST_PLACE for key in keys):
        raise BadSearch(f"{path!r}: there is no such place in a list.")
    try:
        value = _storable(json.loads(text))
    except (ValueError, RecursionError):
        return Argument(keys, (_storable(text),))
    return Argument(keys, (value,) if isinstance(value, str | list | dict) else (value, text))


LONGEST_PLACE = 9
"""Digits of a place in a list; beyond it databases cannot count."""

LONGEST_VALUE = 64 * 1024


def _storable(value: Any) -> Any:
    """Refuse what no job can hold, and no database would look for."""
    try:
        return storable("What is searched for does", value, LONGEST_VALUE, "MAX_ARGUMENT_BYTES")
    except JobError as fault:
        raise BadSearch(str(fault)) from fault


def _is_plain(value: Any) -> bool:
    """Tell whether a value is a text that `read_argument` takes for nothing else."""
    if not isinstance(value, str) or not value:
        return False
    try:
        json.loads(value)
    except (ValueError, RecursionError):
        return True
    return False


def any_of(conditions: Iterable[Q]) -> Q:
    """Return the condition that one of these holds; where there are none, everything does."""
    return reduce(operator.or_, conditions, Q())

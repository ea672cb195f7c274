"""Unique jobs: what makes two calls of a task the same, and the key that says so in the jobs' table.

The database's unique index on `unique_key` does the rest: of any number of callers at the same instant one
inserts its job, and the others find it (`taskyard.standing_in`).
"""

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal

from .compat import Task, normalize_json
from .exceptions import TaskNotFound
from .keeping import LONGEST_RETENTION

if TYPE_CHECKING:
    from .models import Job

WAITING_KEY = "waiting:"
"""What the keys begin with that are given up when a worker takes the job."""

UNFINISHED_KEY = "unfinished:"
"""What the keys begin with that are kept until the job has finished."""

Unique = bool | tuple[str, ...] | Callable[..., Any]
"""True: by all arguments. Names: by these. A function: by what it returns for them; None: not unique."""

While = Literal["waiting", "unfinished"]

_PREFIXES = {"waiting": WAITING_KEY, "unfinished": UNFINISHED_KEY}

_LONGEST_NAME = 80
"""Characters of a task's path that a key shows to people; the digest after it covers all of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Uniqueness:
    """What makes jobs of a task the same, and for how long one keeps others out."""

    by: Literal[True] | tuple[str, ...] | Callable[..., Any] = True
    """See `Unique`."""

    during: While = "unfinished"
    """Until a worker takes the job ("waiting"), or until it has finished ("unfinished")."""

    at_least: timedelta | None = None
    """At least so long, counted from the enqueueing, even if the job has finished by then."""

    def __post_init__(self) -> None:
        if self.by is not True and not _is_names(self.by) and not callable(self.by):
            raise TypeError(
                f'@policy(unique={self.by!r}): give True, a tuple of parameters such as ("order_id",), '
                "or a function of the arguments."
            )
        if self.during not in _PREFIXES:
            raise ValueError(f'@policy(unique_while={self.during!r}): give "waiting" or "unfinished".')
        if self.at_least is not None and (
            not isinstance(self.at_least, timedelta) or not timedelta(0) < self.at_least <= LONGEST_RETENTION
        ):
            raise ValueError(
                f"@policy(unique_for={self.at_least!r}): give a timedelta above 0, up to "
                f"{LONGEST_RETENTION.days} days, or None."
            )

    def check_names(self, function: Callable[..., Any]) -> None:
        """Refuse names that are none of the function's parameters.

        Raises:
            TypeError: naming those that there are.
        """
        if not isinstance(self.by, tuple):
            return
        parameters = inspect.signature(function).parameters.values()
        if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            return
        known = [parameter.name for parameter in parameters]
        if unknown := [name for name in self.by if name not in known]:
            raise TypeError(
                f"@policy(unique={self.by!r}) on {function.__qualname__}: it has no parameter "
                f"{', '.join(map(repr, unknown))}, only {', '.join(known) or 'none at all'}."
            )

    def key_of(self, task: Task, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str | None:
        """Return the unique key of a call, or None where it is not unique.

        Raises:
            TypeError: where the arguments do not fit the task's signature, or the function that is to make
                the key of them returns what is no JSON.
        """
        bound = _bound(task, args, kwargs)
        value = self.by(**_every(bound)) if callable(self.by) else self._chosen(bound)
        if value is None:
            return None
        path = task.module_path
        text = json.dumps([path, _canonical(normalize_json(value))], sort_keys=True)
        digest = sha256(text.encode()).hexdigest()[:40]
        return f"{_PREFIXES[self.during]}{path[-_LONGEST_NAME:]}:{digest}"

    def _chosen(self, bound: inspect.BoundArguments) -> dict[str, Any]:
        told = _telling(bound)
        return {name: told[name] for name in self.by if name in told} if isinstance(self.by, tuple) else told


def unique_key_of(job: "Job") -> str | None:
    """Return the key that a job's task asks for by its policy, or None where it wants none."""
    from .policy import policy_of  # noqa: PLC0415 - policies are made of this module
    from .results import task_of  # noqa: PLC0415 - models load after the app registry

    try:
        task = task_of(job)
    except TaskNotFound:
        return None
    uniqueness = policy_of(task).unique
    return None if uniqueness is None else uniqueness.key_of(task, job.args, job.kwargs)


def _is_names(by: object) -> bool:
    return isinstance(by, tuple) and all(isinstance(name, str) for name in by)


def _bound(task: Task, args: Sequence[Any], kwargs: Mapping[str, Any]) -> inspect.BoundArguments:
    """Bind the arguments to the parameters' names, so that a call is the same however it is spelt."""
    signature = inspect.signature(task.func)
    parameters = list(signature.parameters.values())
    signature = signature.replace(parameters=parameters[1:] if task.takes_context else parameters)
    try:
        return signature.bind(*args, **kwargs)
    except TypeError as error:
        raise TypeError(
            f"The arguments do not fit {task.module_path}, whose jobs are unique by them: {error}."
        ) from error


def _telling(bound: inspect.BoundArguments) -> dict[str, Any]:
    """Return the arguments by name without those that only repeat a default."""
    parameters = bound.signature.parameters
    return _flat(
        bound, {name: each for name, each in bound.arguments.items() if not _is_same(each, parameters[name])}
    )


def _every(bound: inspect.BoundArguments) -> dict[str, Any]:
    """Return the arguments by name with the defaults of those that were not given."""
    bound.apply_defaults()
    return _flat(bound, bound.arguments)


def _flat(bound: inspect.BoundArguments, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Put free keyword arguments beside the others."""
    flat: dict[str, Any] = {}
    for name, value in arguments.items():
        free = bound.signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD
        flat |= value if free else {name: value}
    return flat


def _is_same(value: Any, parameter: inspect.Parameter) -> bool:
    return type(value) is type(parameter.default) and bool(value == parameter.default)


def _canonical(value: Any) -> Any:
    """Return JSON as every database gives it back: some do not tell 1.0 from 1."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case list():
            return [_canonical(each) for each in value]
        case dict():
            return {key: _canonical(each) for key, each in value.items()}
        case _:
            return value

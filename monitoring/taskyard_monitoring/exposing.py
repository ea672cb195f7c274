"""`@exposed`: a task that people may enqueue through the HTTP API.

It sits under `@task` and only attaches data to the function, as `@policy` does; a task without it cannot be
reached from outside.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from taskyard.compat import Task

F = TypeVar("F", bound=Callable[..., Any])

_ATTRIBUTE = "__taskyard_exposed__"

_PERMISSION = re.compile(r"\w+\.\w+")


@dataclass(frozen=True, slots=True)
class Exposed:
    """Who may enqueue a task through the API, and where to."""

    permission: str | None
    """Such as `shop.add_report`; None: whoever is signed in."""

    queues: frozenset[str] = frozenset()
    """The queues that a caller may ask for beside the task's own."""


def exposed(*, permission: str | None, queues: Iterable[str] = ()) -> Callable[[F], F]:
    """Let a task be enqueued through the HTTP API.

    Args:
        permission: what a caller needs, such as `shop.add_report`; None: whoever is signed in.
        queues: queues that a caller may choose beside the task's own.

    Raises:
        TypeError, ValueError: at import, where an argument makes no sense, or where the decorator stands
            above `@task` instead of under it.
    """
    if permission is not None and not (isinstance(permission, str) and _PERMISSION.fullmatch(permission)):
        raise ValueError(
            f"@exposed(permission={permission!r}): give one as has_perm takes it, such as 'shop.add_report', "
            "or None for whoever is signed in."
        )
    if isinstance(queues, str):
        raise TypeError(f"@exposed(queues={queues!r}): give a list or tuple of names, such as ('mail',).")
    given = Exposed(permission, frozenset(queues))

    def attach(function: F) -> F:
        if isinstance(function, Task):
            raise TypeError(
                f"@exposed stands above @task on {function.module_path}. Put @exposed under @task: "
                "it belongs to the function."
            )
        setattr(function, _ATTRIBUTE, given)
        return function

    return attach


def exposure_of(task: Task) -> Exposed | None:
    """Return how a task is exposed; None where it is not."""
    found: Exposed | None = getattr(task.func, _ATTRIBUTE, None)
    return found

"""Whether a task takes the arguments that a schedule has for it."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from taskyard.compat import Task


def check_arguments(task: Task, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Refuse arguments that do not fit the task's signature.

    Raises:
        TypeError: saying which.
    """
    context = [None] if task.takes_context else []
    try:
        inspect.signature(task.func).bind(*context, *args, **kwargs)
    except TypeError as error:
        raise TypeError(f"The arguments do not fit {task.module_path}: {error}.") from None

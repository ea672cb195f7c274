"""The tasks that this site's code declares, as far as the modules of its apps tell."""

import inspect
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from itertools import repeat

from django.apps import apps

from taskyard.compat import Task


def known_tasks() -> list[Task]:
    """Return the tasks in the modules of installed apps, each app's `tasks` module loaded for it."""
    names = tuple(config.name for config in apps.get_app_configs())
    for name in names:
        with suppress(Exception):  # an app need not have one; a broken one has nothing to tell
            import_module(f"{name}.tasks")
    found = {task.module_path: task for task in _tasks_in_modules_of(names)}
    return [found[path] for path in sorted(found)]


def position_of(task: Task, name: str) -> int | None:
    """Return at which place of a task's positional arguments this parameter stands, None for none."""
    for place, parameter in enumerate(_parameters(task)):
        if parameter.kind not in _POSITIONAL:
            break
        if parameter.name == name:
            return place
    return None


def positional_names(task: Task) -> Iterator[str]:
    """Yield the names of a task's positional arguments by place, `*args` as often as one asks."""
    for parameter in _parameters(task):
        if parameter.kind in _POSITIONAL:
            yield parameter.name
        elif parameter.kind is parameter.VAR_POSITIONAL:
            yield from repeat(parameter.name)


_POSITIONAL = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}


def _parameters(task: Task) -> list[inspect.Parameter]:
    return list(inspect.signature(task.func).parameters.values())[1 if task.takes_context else 0 :]


def _tasks_in_modules_of(app_names: tuple[str, ...]) -> Iterator[Task]:
    for module_name, module in list(sys.modules.items()):
        if module_name.startswith(app_names):
            yield from (each for each in list(vars(module).values()) if isinstance(each, Task))

"""Arguments as people may see them: secrets are kept from every page, every command and every log.

A backend's option `REDACT` names the hook that decides; without one, what is named like a secret is hidden
(`by_name`). Return values and metadata, which no hook is asked about, always go by their names. Only what is
shown changes: what is stored, and what the task gets, never does.

A hook that fails shows nothing at all, and is logged without the words of its error, which may quote what it
was to hide. So it is with a job whose backend is gone from TASKS while others there have a hook: nobody knows
what the missing one would have hidden.
"""

import json
import logging
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

from django.utils.module_loading import import_string

from taskyard.backend import job_backends
from taskyard.compat import Task
from taskyard.fields import CorruptJSON
from taskyard.models import Job, Schedule
from taskyard.schedules.calls import ScheduleFault, import_task

from .known_tasks import positional_names

logger = logging.getLogger(__name__)

Shown = tuple[list[Any], dict[str, Any]]
"""A call's positional and keyword arguments, fit to be seen."""

Redact = Callable[[str, list[Any], dict[str, Any]], Shown]
"""A hook: gets the task's dotted path and copies of the arguments, and returns what may be shown of them."""

MASK = "•••"
"""Stands where a value is not shown."""

FAILED = "redaction failed"
"""Stands where nobody can tell what may be shown."""

SECRET_PARTS = (
    *("password", "passwd", "passphrase", "passcode", "secret", "token", "credential"),
    *("apikey", "accesskey", "privatekey", "authorization", "cookie", "sessionid", "signature"),
)
"""What makes a name look secret wherever it stands in it: `X-Api-Key`, `dbPassword`, `csrf_tokens`."""

SECRET_WORDS = frozenset({"pwd", "pin", "otp", "cvv", "cvc", "auth", "bearer", "jwt"})
"""What makes a name look secret as a word of its own: `card_pin`, but not `spinning`."""


def redacted_call(job: Job) -> Shown:
    """Return a job's arguments as they may be shown."""
    return redacted(job.task, job.args, job.kwargs, job.backend)


def redacted_schedule(schedule: Schedule) -> Shown:
    """Return a schedule's arguments as they may be shown."""
    backend = schedule.backend or getattr(_task_at(schedule.task), "backend", "default")
    return redacted(schedule.task, schedule.args, schedule.kwargs, backend)


def redacted(task: str, args: Any, kwargs: Any, backend: str) -> Shown:
    """Return the arguments of a call as they may be shown; `FAILED` alone where nobody can tell.

    Args:
        task: its dotted path.
        args: the positional arguments, as the database has them.
        kwargs: the keyword arguments, likewise.
        backend: the alias of the backend whose hook decides.
    """
    for column, value in (("args", args), ("kwargs", kwargs)):
        if isinstance(value, CorruptJSON):
            return [f"{FAILED}: {column} is no JSON: {value.fault}"], {}
    try:
        return _ask(_hook_of(backend), task, args, kwargs)
    except Exception as error:  # a hook may raise anything
        logger.error(  # noqa: TRY400 - the error's words may quote what is to be hidden
            "The arguments of a job of %s cannot be redacted and are not shown: %s at %s.",
            *(task, type(error).__name__, _place_of(error)),
        )
        return [FAILED], {}


def redacted_value(value: Any) -> Any:
    """Return a value from a JSON column, without what stands in it under a name that looks secret."""
    match value:
        case dict():
            return {
                name: MASK if looks_secret(name) else redacted_value(each) for name, each in value.items()
            }
        case list():
            return [redacted_value(each) for each in value]
        case CorruptJSON():
            return f"{FAILED}: no JSON: {value.fault}"
    return value


def by_name(task: str, args: list[Any], kwargs: dict[str, Any]) -> Shown:
    """Hide what looks secret by the name of its parameter or of its key: the hook where a site sets none.

    A task whose code is gone has no parameters that could tell of its positional arguments.
    """
    names = _names_of_positions(task)
    shown = [MASK if looks_secret(next(names, "")) else redacted_value(value) for value in args]
    return shown, redacted_value(kwargs)


def looks_secret(name: str) -> bool:
    """Tell whether a value of this name is likely a secret."""
    words = [word.lower() for word in _WORD.findall(name)]
    joined = "".join(words)
    return any(part in joined for part in SECRET_PARTS) or not SECRET_WORDS.isdisjoint(words)


_WORD = re.compile(r"[A-Z]?[^\W\dA-Z_]+|[A-Z]+(?![a-z])")
"""A word of a name in snake_case, kebab-case or camelCase."""


def is_shown(task: str, args: list[Any], kwargs: dict[str, Any]) -> bool:
    """Tell whether a call's last positional and all its keyword arguments are shown as they are.

    Whichever backend has it, for that is not asked.
    """
    try:
        for hook in _hooks():
            shown_args, shown_kwargs = _ask(hook, task, args, kwargs)
            if shown_args[-1:] != args[-1:] or shown_kwargs != kwargs:
                return False
    except Exception:  # a hook may raise anything; then it shows nothing
        return False
    return True


def restored(given: Any, shown: Any, stored: Any) -> Any:
    """Return what somebody means who edited a value that was shown redacted.

    Where they left what was shown, what is stored stays.

    Args:
        given: what they made of it.
        shown: what they saw.
        stored: what is in the database.
    """
    if given == shown:
        return stored
    if all(isinstance(each, dict) for each in (given, shown, stored)):
        return {
            name: restored(each, shown[name], stored[name]) if name in shown and name in stored else each
            for name, each in given.items()
        }
    if all(isinstance(each, list) for each in (given, shown, stored)) and len(shown) == len(stored):
        known = list(zip(shown, stored, strict=True))
        edited = [restored(each, *known[place]) for place, each in enumerate(given[: len(known)])]
        return edited + given[len(known) :]
    return given


def _ask(hook: Redact, task: str, args: Any, kwargs: Any) -> Shown:
    shown_args, shown_kwargs = hook(task, deepcopy(args), deepcopy(kwargs))
    if not isinstance(shown_args, list) or not isinstance(shown_kwargs, dict):
        raise TypeError("The hook is to return a list and a dict.")
    json.dumps([shown_args, shown_kwargs])
    return shown_args, shown_kwargs


def _hook_of(backend: str) -> Redact:
    backends = job_backends()
    if backend not in backends and any(each.settings.REDACT for each in backends.values()):
        raise LookupError(f"TASKS have no backend {backend!r} that could say what is to be hidden.")
    return load_hook(backends[backend].settings.REDACT) if backend in backends else by_name


def _hooks() -> Iterator[Redact]:
    paths = {each.settings.REDACT for each in job_backends().values()}
    return map(load_hook, paths or {None})


def load_hook(path: str | None) -> Redact:
    """Return the hook that a backend's option names.

    Raises:
        ImportError: where there is none.
        TypeError: where it cannot be called.
    """
    if path is None:
        return by_name
    hook = import_string(path)
    if not callable(hook):
        raise TypeError(f"{path} is a {type(hook).__name__} and cannot be called.")
    found: Redact = hook
    return found


def _names_of_positions(task: str) -> Iterator[str]:
    found = _task_at(task)
    return positional_names(found) if found is not None else iter(())


def _task_at(path: str) -> Task | None:
    try:
        return import_task(path)
    except ScheduleFault:
        return None


def _place_of(error: BaseException) -> str:
    """Return where an error was raised, so that it can be found without its words."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "nowhere" if trace is None else f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"

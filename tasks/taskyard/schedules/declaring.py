"""`@schedule`: the schedules that the code declares."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal, get_args

from django.conf import settings

from taskyard.compat import Task
from taskyard.payload import storable

from .arguments import check_arguments
from .calendar import rule_of

MissedRule = Literal["skip", "run_once", "catch_up"]
OverlapRule = Literal["allow", "skip"]

LONGEST_NAME = 200
LARGEST_ARGUMENTS = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """A schedule as the code wants it; the fields are named as in the table."""

    name: str
    task: str
    args: list[Any]
    kwargs: dict[str, Any]
    cron: str
    interval: timedelta | None
    timezone: str
    missed: MissedRule
    catch_up_window: timedelta | None
    overlap: OverlapRule
    jitter: timedelta | None
    declares: Task = field(compare=False, repr=False)


_declared: dict[str, Declaration] = {}


def schedule(  # noqa: PLR0913 - one keyword for each thing that one can want
    when: str | timedelta,
    *,
    name: str = "",
    timezone: str = "",
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    missed: MissedRule = "run_once",
    catch_up_window: timedelta | None = None,
    overlap: OverlapRule = "allow",
    jitter: timedelta | None = None,
) -> Callable[[Task], Task]:
    """Enqueue a task by itself: at the times of a cron expression, or every so often.

    Stands above `@task`, any number of times. The schedule is written to the database when a worker starts;
    what an operator changed or paused there stays so.

    Args:
        when: a cron expression of five fields, such as `"0 2 * * *"`, or the time between two slots.
        name: what operators see; the task's dotted path if empty, with `#2` and so on for further schedules.
        timezone: in which the expression is read; the site's `TIME_ZONE` if empty.
        args: the job's positional arguments.
        kwargs: the job's keyword arguments.
        missed: what becomes of slots that passed while no dispatcher was there: `"skip"` them, `"run_once"`
            for all of them, or `"catch_up"` with a job for each.
        catch_up_window: how old a missed slot may be to be made up for; None: any age.
        overlap: whether to `"allow"` a job while an earlier one is not finished, or `"skip"` the slot.
        jitter: start each job at random up to so much after its slot.

    Raises:
        ValueError, TypeError: at import, saying what makes no sense and where.
    """
    _check_choice("missed", missed, MissedRule)
    _check_choice("overlap", overlap, OverlapRule)
    _check_duration("catch_up_window", catch_up_window)
    _check_duration("jitter", jitter)
    if not isinstance(when, str | timedelta):
        raise TypeError(f"@schedule({when!r}): give a cron expression or a timedelta.")
    cron, interval = (when, None) if isinstance(when, str) else ("", when)
    timezone = timezone or settings.TIME_ZONE
    rule_of(cron, interval, timezone)

    def attach(task: Task) -> Task:
        if not isinstance(task, Task):
            raise TypeError(f"@schedule stands on {task!r}, which is no task. Put @schedule above @task.")
        chosen = name or _usual_name(task)
        arguments = _arguments(task, args, kwargs or {})
        _register(
            Declaration(
                name=chosen,
                task=task.module_path,
                args=arguments[0],
                kwargs=arguments[1],
                cron=cron,
                interval=interval,
                timezone=timezone,
                missed=missed,
                catch_up_window=catch_up_window,
                overlap=overlap,
                jitter=jitter,
                declares=task,
            )
        )
        return task

    return attach


def declared() -> dict[str, Declaration]:
    """Return the schedules that the modules imported so far declare, by name."""
    return dict(_declared)


def _register(declaration: Declaration) -> None:
    if len(declaration.name) > LONGEST_NAME:
        raise ValueError(
            f"The schedule's name {declaration.name!r} is longer than {LONGEST_NAME} characters."
        )
    other = _declared.get(declaration.name)
    # The same path again is the same code, its module having been loaded anew.
    if other is not None and (other.task != declaration.task or other.declares is declaration.declares):
        raise ValueError(
            f"Two schedules are called {declaration.name!r}, of {other.task} and {declaration.task}. "
            "Give one of them another name=."
        )
    _declared[declaration.name] = declaration


def _usual_name(task: Task) -> str:
    number = 1 + sum(each.declares is task for each in _declared.values())
    return task.module_path if number == 1 else f"{task.module_path}#{number}"


def _arguments(task: Task, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    if isinstance(args, str):
        raise TypeError("@schedule(args=…): this is a text; give a list or tuple, for one argument (value,).")
    check_arguments(task, args, kwargs)
    what = f"The arguments of @schedule on {task.module_path} do"
    return storable(what, [list(args), dict(kwargs)], LARGEST_ARGUMENTS, "MAX_ARGUMENT_BYTES")


def _check_choice(name: str, value: object, choices: Any) -> None:
    if value not in get_args(choices):
        raise ValueError(
            f"@schedule({name}={value!r}): give one of {', '.join(map(repr, get_args(choices)))}."
        )


def _check_duration(name: str, value: object) -> None:
    if value is not None and not (isinstance(value, timedelta) and value >= timedelta(0)):
        raise ValueError(f"@schedule({name}={value!r}): give a timedelta of 0 or more, or None.")

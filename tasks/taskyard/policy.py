"""`@policy`: what Django's `@task` cannot say about a task.

It sits under `@task` and only attaches data to the function, so the same code runs under Django's own
Immediate and Dummy backends.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from .backoff import Backoff, Exponential
from .compat import Task
from .exceptions import GiveUp, Retry
from .keeping import Retention, check_retention
from .tags import check_tags
from .unique import Unique, Uniqueness, While

F = TypeVar("F", bound=Callable[..., Any])

_ATTRIBUTE = "__taskyard_policy__"

MOST_ATTEMPTS = 100
"""Each failed attempt is kept with its traceback in the job's row, so their number has a bound."""


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _check_exception_classes(name: str, classes: tuple[object, ...]) -> None:
    for each in classes:
        if not (isinstance(each, type) and issubclass(each, BaseException)):
            raise TypeError(
                f"@policy({name}=…): give an exception class or a tuple of them; {each!r} is none."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How a task's jobs are tried, bounded and kept."""

    max_attempts: int = 1
    """Attempts in all, the first included. Attempts lost with their worker are counted apart."""

    backoff: Backoff = field(default_factory=Exponential)
    """Seconds to wait after a failed attempt: a shape of `taskyard.backoff` or any
    `fn(attempt, exception) -> seconds`."""

    retry_on: tuple[type[BaseException], ...] = (BaseException,)
    """Only these failures are worth another attempt."""

    give_up_on: tuple[type[BaseException], ...] = ()
    """These never are, even where `retry_on` matches."""

    timeout: float | None = None
    """Seconds one attempt may run; None: without limit."""

    retention: Retention | None = None
    """How long a finished job is kept, or how long by the state it finished in; None: as the backend's
    `RETENTION` option says."""

    max_rescues: int = 3
    """How often a job may take its worker down with it before it is failed as the likely culprit."""

    unique: Uniqueness | None = None
    """What makes two jobs the same, of which there is to be one; None: nothing."""

    tags: tuple[str, ...] = ()
    """Words by which its jobs are found, beside those of `taskyard.job_metadata`."""

    def __post_init__(self) -> None:
        self._check_counts()
        self._check_times()
        _check_exception_classes("retry_on", self.retry_on)
        _check_exception_classes("give_up_on", self.give_up_on)
        if not callable(self.backoff):
            raise TypeError(
                f"@policy(backoff={self.backoff!r}): give Constant, Linear, Exponential, "
                "or a function of (attempt, exception) that returns seconds."
            )

    def _check_counts(self) -> None:
        if not _is_whole(self.max_attempts) or not 1 <= self.max_attempts <= MOST_ATTEMPTS:
            raise ValueError(
                f"@policy(max_attempts={self.max_attempts!r}): give a whole number from 1 to {MOST_ATTEMPTS}."
            )
        if not _is_whole(self.max_rescues) or not 0 <= self.max_rescues <= MOST_ATTEMPTS:
            raise ValueError(
                f"@policy(max_rescues={self.max_rescues!r}): give a whole number from 0 to {MOST_ATTEMPTS}."
            )

    def _check_times(self) -> None:
        if self.timeout is not None and (
            not isinstance(self.timeout, int | float)
            or isinstance(self.timeout, bool)
            or not self.timeout > 0
        ):
            raise ValueError(
                f"@policy(timeout={self.timeout!r}): give seconds above 0, a timedelta, or None for no limit."
            )
        if self.retention is not None:
            try:
                check_retention(self.retention)
            except ValueError as fault:
                raise ValueError(f"@policy(retention=…): {fault}") from fault

    def retries(self, exception: BaseException, failures: int) -> bool:
        """Tell whether a job whose attempt number `failures` ended in `exception` is tried again."""
        if failures >= self.max_attempts or isinstance(exception, GiveUp):
            return False
        if isinstance(exception, Retry):
            return True
        return isinstance(exception, self.retry_on) and not isinstance(exception, self.give_up_on)

    def delay(self, exception: BaseException, failures: int) -> float:
        """Return the seconds until the attempt that follows the failure number `failures`."""
        if isinstance(exception, Retry) and exception.after is not None:
            return exception.after
        return float(self.backoff(failures, exception))


DEFAULT_POLICY = Policy()
"""What holds for a task without `@policy`: one attempt, no time limit."""


def policy(  # noqa: PLR0913 - one argument for each thing it can say
    *,
    max_attempts: int = DEFAULT_POLICY.max_attempts,
    backoff: Backoff = DEFAULT_POLICY.backoff,
    retry_on: type[BaseException] | tuple[type[BaseException], ...] = DEFAULT_POLICY.retry_on,
    give_up_on: type[BaseException] | tuple[type[BaseException], ...] = DEFAULT_POLICY.give_up_on,
    timeout: float | timedelta | None = DEFAULT_POLICY.timeout,
    retention: Retention | None = DEFAULT_POLICY.retention,
    max_rescues: int = DEFAULT_POLICY.max_rescues,
    unique: Unique = False,
    unique_while: While | None = None,
    unique_for: timedelta | None = None,
    tags: Iterable[str] = DEFAULT_POLICY.tags,
) -> Callable[[F], F]:
    """Attach a `Policy` to a task's function; see `Policy` for each argument, and `Uniqueness` for some.

    Args:
        unique: True: one job of the same arguments; names of parameters: of the same values of these; a
            function, called with the arguments by name: of what it returns (None: not unique).
        unique_while: the job keeps others out until it starts ("waiting") or until it has finished
            ("unfinished", which is usual).
        unique_for: and at least so long after it was enqueued.

    Raises:
        TypeError, ValueError: at import, where an argument makes no sense, or where the decorator
            stands above `@task` instead of under it.
    """
    given = Policy(
        max_attempts=max_attempts,
        backoff=backoff,
        retry_on=retry_on if isinstance(retry_on, tuple) else (retry_on,),
        give_up_on=give_up_on if isinstance(give_up_on, tuple) else (give_up_on,),
        timeout=timeout.total_seconds() if isinstance(timeout, timedelta) else timeout,
        retention=retention,
        max_rescues=max_rescues,
        unique=_uniqueness(unique, unique_while, unique_for),
        tags=_tags(tags),
    )

    def attach(function: F) -> F:
        if isinstance(function, Task):
            raise TypeError(
                f"@policy stands above @task on {function.module_path}. Put @policy under @task: "
                "it belongs to the function."
            )
        if given.unique is not None:
            given.unique.check_names(function)
        setattr(function, _ATTRIBUTE, given)
        return function

    return attach


def _tags(tags: object) -> tuple[str, ...]:
    try:
        return check_tags(tags)
    except (TypeError, ValueError) as fault:
        raise type(fault)(f"@policy(tags=…): {fault}") from fault


def _uniqueness(unique: Unique, during: While | None, at_least: timedelta | None) -> Uniqueness | None:
    if unique is not False:
        return Uniqueness(by=unique, during=during or "unfinished", at_least=at_least)
    if during is not None or at_least is not None:
        raise TypeError(
            "@policy(unique_while=…, unique_for=…): say what is unique: unique=True, or the names."
        )
    return None


def policy_of(task: Task) -> Policy:
    """Return the policy of a task, or the default where it has none."""
    found: Policy = getattr(task.func, _ATTRIBUTE, DEFAULT_POLICY)
    return found

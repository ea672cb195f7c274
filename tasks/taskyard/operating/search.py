"""Looking for jobs: the one place that turns what people ask for into a query.

The command line, the admin and other pages share it. `Search` says what is wanted; `parse` reads it from
words such as `queue:mail state:failed args.order:42 since:2h`.
"""

import json
import operator
import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import reduce
from itertools import product
from typing import Any, Self
from uuid import UUID

from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.db.models.fields.json import KeyTransform
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from taskyard.compat import Task
from taskyard.database import DatabaseNow, explained_errors, jobs_alias
from taskyard.exceptions import JobError
from taskyard.ids import earliest_job_id, parse_job_id
from taskyard.models import Job
from taskyard.payload import storable
from taskyard.states import JobState
from taskyard.tags import check_tag

from .having_tag import has_tag
from .known_tasks import known_tasks, position_of
from .redaction import is_shown

WINDOW = 100_000
"""How many jobs one page looks through, newest first, where no index leads to what is wanted."""

VIEWS = {
    "WAITING": Q(state=JobState.READY) & (Q(delivered_at__isnull=False) | Q(due_at__lte=DatabaseNow())),
    "SCHEDULED": Q(state=JobState.READY, attempt=0, due_at__gt=DatabaseNow(), delivered_at=None),
    "RETRYING": Q(state=JobState.READY, attempt__gt=0, due_at__gt=DatabaseNow(), delivered_at=None),
}
"""What people call a state and is a part of READY: what may start now, what waits for its time, and what
waits for its next attempt."""

STATES = (*JobState.values, *VIEWS)


ANY_TASK = ""
"""Stands for a task of which nobody knows more than that it is one."""


class BadSearch(ValueError):
    """What was asked for cannot be read; the message says how it could."""


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a job: its name, its place (`0`), or a path into it (`customer.id`); and its value."""

    path: tuple[str, ...]
    values: tuple[Any, ...]
    """Any of these; `42` may have been a number or a text."""

    def places(self, tasks: tuple[str, ...]) -> "Iterator[_Place]":
        """Yield where jobs of these tasks, or of any, may have it."""
        if self.path[0].isdecimal():
            yield _place("args", self.path)
        else:
            yield _place("kwargs", self.path)
            yield from _places_by_position(self.path, tasks)

    def calls(self, tasks: tuple[str, ...]) -> "Iterator[tuple[str, list[Any], dict[str, Any]]]":
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Which jobs are wanted; what is empty does not matter."""

    ids: tuple[UUID, ...] = ()
    tasks: tuple[str, ...] = ()
    """Dotted paths, or their ends: `send_receipt` finds `shop.tasks.send_receipt`."""

    queues: tuple[str, ...] = ()
    backends: tuple[str, ...] = ()
    workers: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    """States, or the `VIEWS` of READY."""

    owners: tuple[str, ...] = ()
    """Keys of the users on whose behalf they were enqueued."""

    since: datetime | None = None
    """Enqueued at this time or later."""

    tags: tuple[str, ...] = ()
    """The job has them all."""

    arguments: tuple[Argument, ...] = ()

    @classmethod
    def parse(cls, text: str, more: Iterable[str] = ()) -> Self:
        """Read a search from words, each a qualifier with a value, an id, or a task's name.

        Args:
            text: as people type it.
            more: further words, one by one.

        Raises:
            BadSearch: naming the word and what could stand there.
        """
        search = cls()
        for word in [*_words(text), *more]:
            search = search.with_word(word)
        search.refuse_hidden()
        return search

    def __str__(self) -> str:
        """Return it as words that `parse` reads."""
        named = {"task": self.tasks, "queue": self.queues, "backend": self.backends, "worker": self.workers}
        named["owner"] = self.owners
        words = [str(job_id) for job_id in self.ids]
        words += [f"{qualifier}:{value}" for qualifier, values in named.items() for value in values]
        words += [f"state:{state.lower()}" for state in self.states]
        words += [f"tag:{tag}" for tag in self.tags]
        words += [str(argument) for argument in self.arguments]
        if self.since is not None:
            words.append(f"since:{self.since.isoformat()}")
        return shlex.join(words) or "all jobs"

    def with_word(self, word: str) -> Self:
        """Return this search narrowed by one more word.

        Raises:
            BadSearch: see `parse`.
        """
        qualifier, colon, value = word.partition(":")
        if not colon:
            job_id = parse_job_id(word)
            return self._and(ids=(job_id,)) if job_id else self._and(tasks=(word,))
        if not value:
            raise BadSearch(f"{word!r}: a value is missing behind the colon.")
        if qualifier.startswith("args."):
            return self._and(arguments=(read_argument(qualifier.removeprefix("args."), value),))
        match qualifier:
            case "state":
                return self._and(states=(read_state(value),))
            case "tag":
                return self._and(tags=(read_tag(value),))
            case "since":
                return replace(self, since=read_since(value))
            case "task" | "queue" | "backend" | "worker" | "owner":
                return self._and(**{f"{qualifier}s": (value,)})
        raise BadSearch(
            f"{word!r}: unknown qualifier. There are task: queue: state: tag: backend: worker: owner: "
            "since: args.NAME:"
        )

    def _and(self, **more: tuple[Any, ...]) -> Self:
        return replace(self, **{name: getattr(self, name) + values for name, values in more.items()})

    @property
    def is_empty(self) -> bool:
        """Whether every job is wanted."""
        return self == type(self)()

    def refuse_hidden(self) -> None:
        """Refuse to look for what pages would not show: what is found would tell it.

        Raises:
            BadSearch: naming the argument.
        """
        for argument in self.arguments:
            self._where_shown(argument)

    def _where_shown(self, argument: Argument) -> Q:
        """Return the condition that a job's task shows an argument."""
        hidden = {call[0] for call in argument.calls(self.tasks) if not is_shown(*call)}
        if hidden and (self.tasks or ANY_TASK in hidden):
            path = ".".join(argument.path)
            raise BadSearch(f"args.{path}: this is not shown, and so not looked for.")
        return ~Q(task__in=sorted(hidden)) if hidden else Q()

    def jobs(self) -> "QuerySet[Job]":
        """Return what is wanted, newest first; jobs of tasks that show an argument, where one is wanted.

        Raises:
            BadSearch: see `refuse_hidden`.
        """
        places = [(list(argument.places(self.tasks)), argument.values) for argument in self.arguments]
        named = {place.name: place.transform for several, _ in places for place in several}
        return (
            Job.objects.using(jobs_alias())
            .alias(**named)
            .filter(
                self._states(),
                *self._columns(),
                *self._indexed(),
                *map(has_tag, self.tags),
                *map(self._where_shown, self.arguments),
                *(_any(place.holds(values) for place in several) for several, values in places),
            )
            .order_by("-pk")
        )

    def page(self, before: UUID | None = None, size: int = 50, *, is_whole: bool = False) -> "Page":
        """Return a page of what is wanted, newest first, after looking through `WINDOW` jobs at most.

        Args:
            before: where the previous page said to go on.
            size: jobs at most.
            is_whole: whether return values are wanted, which may be long.
        """
        jobs, scope = self.jobs().defer(*([] if is_whole else ["return_value"])), self._scope()
        if before is not None:
            jobs, scope = jobs.filter(pk__lt=before), scope.filter(pk__lt=before)
        with explained_errors():
            end = self.end_of_window(scope)
            found = list((jobs if end is None else jobs.filter(pk__gte=end))[: size + 1])
        if len(found) > size:
            return Page(found[:size], go_on_before=found[size - 1].pk)
        return Page(found, go_on_before=end, is_end_of_window=end is not None)

    def end_of_window(self, scope: "QuerySet[Job] | None" = None) -> UUID | None:
        """Return the oldest job that a page looks at, None where an index leads to all that is wanted."""
        has_no_index = self.arguments or self.tags or self._columns() or set(self.states) & set(VIEWS)
        if self.ids or not has_no_index:
            return None
        keys = (self._scope() if scope is None else scope).values_list("pk", flat=True)
        with explained_errors():
            return keys[WINDOW - 1 : WINDOW].first()

    def _scope(self) -> "QuerySet[Job]":
        """Return the jobs among which the wanted ones have to be looked for, newest first."""
        states = {JobState.READY if state in VIEWS else state for state in self.states}
        wanted = _any(Q(state=state) for state in sorted(states))
        return Job.objects.using(jobs_alias()).filter(wanted, *self._indexed()).order_by("-pk")

    def _states(self) -> Q:
        return _any(VIEWS.get(state, Q(state=state)) for state in self.states)

    def _columns(self) -> list[Q]:
        named = {"pk": self.ids, "queue": self.queues, "backend": self.backends, "worker": self.workers}
        conditions = [Q(**{f"{column}__in": values}) for column, values in named.items() if values]
        if self.tasks:
            conditions.append(_any(_task_is(name) for name in self.tasks))
        if self.since is not None:
            conditions.append(Q(enqueued_at__gte=self.since))
        return conditions

    def _indexed(self) -> list[Q]:
        """Return what an index leads to: the owners, and what `since` says of ids."""
        conditions = [Q(owner__in=self.owners)] if self.owners else []
        if self.since is not None:
            conditions.append(Q(pk__gte=earliest_job_id(self.since - CLOCKS_DIFFER)))
        return conditions


CLOCKS_DIFFER = timedelta(hours=1)
"""By how much the clock that made a job's id may have been ahead of, or behind, the database's."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the jobs that were looked for."""

    jobs: "list[Job]"
    go_on_before: UUID | None
    """Where the next page starts; None: there is none."""

    is_end_of_window: bool = False
    """Whether the page ends because enough jobs were looked through: there may be more among older ones."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in a job's row an argument may stand."""

    name: str
    transform: KeyTransform
    tasks: tuple[str, ...] = ()
    """The tasks for which it stands there; empty: for all."""

    def holds(self, values: Iterable[Any]) -> Q:
        condition = _any(Q(**{self.name: value}) for value in values)
        return condition & Q(task__in=self.tasks) if self.tasks else condition


def _places_by_position(path: tuple[str, ...], tasks: tuple[str, ...]) -> Iterator[_Place]:
    """Find where calls that give the argument by position have it, task by task."""
    by_place: dict[int, list[str]] = {}
    for task in _known(tasks):
        place = position_of(task, path[0])
        if place is not None:
            by_place.setdefault(place, []).append(task.module_path)
    for place, paths in by_place.items():
        yield _place("args", (str(place), *path[1:]), tuple(paths))


def _place(column: str, path: tuple[str, ...], tasks: tuple[str, ...] = ()) -> _Place:
    transform: Any = F(column)
    for key in path:
        transform = KeyTransform(key, transform)
    # Names of annotations may not hold what a path may.
    name = f"{column}_{'_'.join(key.encode().hex() for key in path)}"
    return _Place(name, transform, tasks)


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


def _task_is(name: str) -> Q:
    return Q(task=name) | Q(task__endswith=f".{name}")


def _any(conditions: Iterable[Q]) -> Q:
    return reduce(operator.or_, conditions, Q())


# --- reading what people type ---


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


def read_tag(text: str) -> str:
    """Read a tag.

    Raises:
        BadSearch: where it cannot be one.
    """
    try:
        return check_tag(text)
    except ValueError as fault:
        raise BadSearch(str(fault)) from fault


def read_state(text: str) -> str:
    """Read a state or a view of READY.

    Raises:
        BadSearch: naming those there are.
    """
    if text.upper() not in STATES:
        raise BadSearch(f"{text!r} is no state; those are {', '.join(STATES).lower()}.")
    return text.upper()


_AGE = re.compile(r"(\d+)\s*([smhdw])", re.IGNORECASE)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def read_age(text: str) -> timedelta:
    """Read a stretch of time, such as `90s`, `30m`, `2h`, `7d` or `4w`.

    Raises:
        BadSearch: for anything else.
    """
    match = _AGE.fullmatch(text.strip())
    try:
        if match:
            return timedelta(**{_UNITS[match[2].lower()]: int(match[1])})
    except OverflowError:
        pass
    raise BadSearch(f"{text!r} is no stretch of time; write 90s, 30m, 2h, 7d or 4w.")


def read_since(text: str) -> datetime:
    """Read since when: a stretch of time that ends now, a date, or a date and time.

    Raises:
        BadSearch: for anything else.
    """
    try:
        return _in_zone(parse_datetime(text)) or timezone.now() - read_age(text)
    except (ValueError, OverflowError) as fault:
        raise BadSearch(
            f"{text!r} is no time; write 2h (7d, 30m, …), 2026-01-31 or 2026-01-31T14:30."
        ) from fault


def _in_zone(moment: datetime | None) -> datetime | None:
    """Return a time as it is compared with columns: aware exactly where the site's times are."""
    if moment is None:
        return None
    if settings.USE_TZ:
        return timezone.make_aware(moment) if timezone.is_naive(moment) else moment
    return moment if timezone.is_naive(moment) else timezone.make_naive(moment)


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as fault:
        raise BadSearch(f"A quotation mark has no partner: {text}") from fault

"""Looking for jobs: the one place that turns what people ask for into a query.

The command line, the admin and other pages share it. `Search` says what is wanted; `parse` reads it from
words such as `queue:mail state:failed args.order:42 since:2h`.
"""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Self
from uuid import UUID

from django.db.models import Q, QuerySet

from taskyard.database import DatabaseNow, explained_errors, jobs_alias
from taskyard.ids import earliest_job_id, parse_job_id
from taskyard.models import Job
from taskyard.states import JobState

from .arguments import ANY_TASK, Argument, any_of, read_argument
from .having_tag import has_tag
from .redaction import is_shown
from .words import BadSearch, read_since, read_tag, split_words

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
        for word in [*split_words(text), *more]:
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
                *(any_of(place.holds(values) for place in several) for several, values in places),
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
        wanted = any_of(Q(state=state) for state in sorted(states))
        return Job.objects.using(jobs_alias()).filter(wanted, *self._indexed()).order_by("-pk")

    def _states(self) -> Q:
        return any_of(VIEWS.get(state, Q(state=state)) for state in self.states)

    def _columns(self) -> list[Q]:
        named = {"pk": self.ids, "queue": self.queues, "backend": self.backends, "worker": self.workers}
        conditions = [Q(**{f"{column}__in": values}) for column, values in named.items() if values]
        if self.tasks:
            conditions.append(any_of(_task_is(name) for name in self.tasks))
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


def _task_is(name: str) -> Q:
    return Q(task=name) | Q(task__endswith=f".{name}")


def read_state(text: str) -> str:
    """Read a state or a view of READY.

    Raises:
        BadSearch: naming those there are.
    """
    if text.upper() not in STATES:
        raise BadSearch(f"{text!r} is no state; those are {', '.join(STATES).lower()}.")
    return text.upper()

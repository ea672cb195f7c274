"""The filters beside the list of jobs. They only offer words; the list's search understands them."""

from collections.abc import Iterable
from typing import Any

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest

from taskyard.models import Job
from taskyard.operating.counting import capped
from taskyard.operating.known_tasks import known_tasks
from taskyard.operating.queues import queue_names
from taskyard.operating.search import STATES, Search
from taskyard.states import JobState


class WordFilter(SimpleListFilter):
    """Adds a word to the search."""

    parameter_name: str

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> None:
        """Leave the rows to the search."""


class StateFilter(WordFilter):
    """By state, with how many jobs there are."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Job]") -> Iterable[tuple[str, str]]:
        """Offer each state; what succeeded is most of the table and not worth counting."""
        for state in STATES:
            word = state.lower()
            if state == JobState.SUCCESSFUL:
                yield word, word
            else:
                yield word, f"{word} ({capped(Search(states=(state,)).jobs())})"


class QueueFilter(WordFilter):
    """By queue."""

    title = "queue"
    parameter_name = "queue"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Job]") -> Iterable[tuple[str, str]]:
        """Offer the queues of the site."""
        return [(name, name) for name in queue_names()]


class TaskFilter(WordFilter):
    """By task."""

    title = "task"
    parameter_name = "task"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Job]") -> Iterable[tuple[str, str]]:
        """Offer the tasks of the site's apps."""
        return [(task.module_path, task.module_path) for task in known_tasks()]


class SinceFilter(WordFilter):
    """By when it was enqueued."""

    title = "enqueued since"
    parameter_name = "since"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Job]") -> Iterable[tuple[str, str]]:
        """Offer a few usual times."""
        return [("10m", "10 minutes"), ("1h", "1 hour"), ("1d", "1 day"), ("7d", "7 days")]


FILTERS: tuple[type[WordFilter], ...] = (StateFilter, QueueFilter, SinceFilter, TaskFilter)
"""As they stand beside the list."""

"""What may be typed next in the search for jobs: qualifiers, and then the values that there are."""

import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from taskyard.compat import Task, task_backends
from taskyard.database import explained_errors, jobs_alias
from taskyard.operating.known_tasks import known_tasks
from taskyard.operating.queues import queue_names
from taskyard.operating.search import STATES
from taskyard.policy import policy_of
from taskyard_workers.models import WorkerProcess

from .access import viewer_required
from .jobs_words import qualified, raw_words, word_at

MOST = 12
"""Offers at once; who wants another types one more letter."""

MOST_WORKERS = 200
"""Processes of the register among which a worker is looked for, those seen last."""

QUALIFIERS = {
    "queue:": "in this queue",
    "task:": "of this task, by its path or the end of it",
    "state:": "failed, running, scheduled, …",
    "args.": "by an argument: args.order:42",
    "since:": "enqueued since: 90s, 1h, 7d or a date",
    "worker:": "held by this worker process, or held last",
    "backend:": "of this backend in TASKS",
    "tag:": "with this tag",
}

_AGES = {"10m": "ten minutes", "1h": "an hour", "24h": "a day", "7d": "a week"}

_MEANINGS = {
    "ready": "waiting, scheduled or retrying",
    "waiting": "may start as soon as a worker is free",
    "scheduled": "waiting for its time",
    "retrying": "waiting for its next attempt",
}


@dataclass(frozen=True, slots=True)
class Offer:
    """Something that may stand where the caret is."""

    word: str
    """What is put there."""

    meaning: str = ""

    @property
    def is_open(self) -> bool:
        """Whether more has to follow within the same word."""
        return self.word.endswith((":", "."))


@viewer_required
def complete(request: HttpRequest) -> HttpResponse:
    """Answer with what may stand at the caret of the search field."""
    text = request.GET.get("q", "")
    caret = request.GET.get("caret", "")
    start, end = word_at(text, int(caret) if caret.isdecimal() else len(text))
    found = list(islice(offers(text[start:end], raw_words(text[:start] + text[end:])), MOST))
    return render(request, "taskyard/console/jobs/offers.html", {"offers": found, "start": start, "end": end})


def offers(word: str, others: Iterable[str] = ()) -> Iterator[Offer]:
    """Yield what may stand in the place of a word that has been begun, the likeliest first.

    Args:
        word: as far as it has been typed.
        others: the other words of the search: the tasks among them say which arguments there are.
    """
    qualifier, colon, value = word.partition(":")
    if colon and qualifier in _VALUES:
        yield from _matching(qualifier, value.strip("\"'"), _VALUES[qualifier]())
    elif not colon and word.startswith("args."):
        for name, tasks in _argument_names(others).items():
            if name.startswith(word.removeprefix("args.")):
                yield Offer(f"args.{name}:", _some(tasks))
    elif not colon:
        yield from (Offer(name, meaning) for name, meaning in QUALIFIERS.items() if name.startswith(word))
        if word:
            yield from _matching("task", word, _tasks())


def _matching(qualifier: str, begun: str, values: Iterable[tuple[str, str]]) -> Iterator[Offer]:
    """Offer the values that hold what was typed, those that begin with it first."""
    lowered = begun.lower()
    held = [each for each in values if lowered in each[0].lower() or lowered in each[1].lower()]
    for value, meaning in sorted(held, key=lambda each: not each[0].lower().startswith(lowered)):
        yield Offer(qualified(qualifier, value), meaning)


def _tasks() -> Iterator[tuple[str, str]]:
    """Yield each task by its name alone where no other has that name, else by its path."""
    paths = [task.module_path for task in known_tasks()]
    names = [path.rpartition(".")[2] for path in paths]
    for path, name in zip(paths, names, strict=True):
        yield (path, "") if names.count(name) > 1 else (name, path)


def _queues() -> Iterator[tuple[str, str]]:
    return ((name, "") for name in queue_names())


def _states() -> Iterator[tuple[str, str]]:
    return ((state.lower(), _MEANINGS.get(state.lower(), "")) for state in STATES)


def _backends() -> Iterator[tuple[str, str]]:
    return ((alias, "") for alias in task_backends)


def _tags() -> Iterator[tuple[str, str]]:
    """Yield the tags that tasks give all their jobs; those that come with a call are not known beforehand."""
    owners: dict[str, list[str]] = {}
    for task in known_tasks():
        for tag in policy_of(task).tags:
            owners.setdefault(tag, []).append(task.name)
    return ((tag, _some(owners[tag])) for tag in sorted(owners))


def _ages() -> Iterable[tuple[str, str]]:
    return _AGES.items()


def _workers() -> Iterator[tuple[str, str]]:
    with explained_errors():
        newest = WorkerProcess.objects.using(jobs_alias()).order_by("-beat_at")[:MOST_WORKERS]
        return iter([(process.pk, process.name) for process in newest])


_VALUES: dict[str, Callable[[], Iterable[tuple[str, str]]]] = {
    "queue": _queues,
    "task": _tasks,
    "state": _states,
    "worker": _workers,
    "backend": _backends,
    "since": _ages,
    "tag": _tags,
}


def _argument_names(others: Iterable[str]) -> dict[str, list[str]]:
    """Return the parameters of the tasks that the search names, or of all tasks, with whose they are."""
    named = [word.removeprefix("task:").strip("\"'") for word in others if _may_name_a_task(word)]
    tasks = known_tasks()
    chosen = [task for task in tasks if any(_is_named(task, name) for name in named)] or tasks
    names: dict[str, list[str]] = {}
    for task in chosen:
        for name in _parameters(task):
            names.setdefault(name, []).append(task.name)
    return names


def _may_name_a_task(word: str) -> bool:
    return word.startswith("task:") or ":" not in word


def _is_named(task: Task, name: str) -> bool:
    return task.module_path == name or task.module_path.endswith(f".{name}")


def _parameters(task: Task) -> list[str]:
    parameters = list(inspect.signature(task.func).parameters.values())[1 if task.takes_context else 0 :]
    return [each.name for each in parameters if each.kind not in {each.VAR_POSITIONAL, each.VAR_KEYWORD}]


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")

"""The shape of a rule: how a use of another queue is recognised, and what becomes of it.

A use is written as a word that `reading` makes of the source:

    import celery.result            the module is imported
    celery.chain()                  the function is called, under whatever name it was imported
    celery.chain(link=)             and with this argument
    @celery.shared_task             a function is decorated with it, with or without arguments
    @celery.shared_task(bind=)      and with this argument
    class(celery.Task)              a class is derived from it
    class WorkerSettings            a class has this name
    celery:task.delay()             a method is called on a value that `Origin.values` calls "celery:task"
    celery:bound.request.id         an attribute of one is read
    celery.Celery().conf.x =        an attribute is set
    arq:context[job_id]             an item is read
    set CELERY_BROKER_URL           a module sets this name
    "django_celery_beat"            a text, such as in INSTALLED_APPS
    $ celery                        a command, in a file such as a Procfile
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from .findings import Effort


@dataclass(frozen=True, slots=True)
class Rule:
    """What becomes of one kind of use."""

    uses: tuple[str, ...]
    """Patterns of words as above; `*` stands for anything."""

    after: str
    """What it becomes. Of a call, `{on}` is what the method is called on, `{args}` the arguments,
    `{first}` the first one as a name, and `{rest}` the others."""

    effort: Effort
    section: str
    """The heading of the page where it is explained."""

    by_name: bool = False
    """Whether the method's name is reason enough to suspect a value of which nothing is known."""

    def fits(self, use: str) -> bool:
        """Tell whether this rule is for such a use."""
        return expression(self.uses).fullmatch(use) is not None

    def may_fit(self, use: str) -> bool:
        """Tell whether it would be, if the value it begins with were what it might be."""
        return self.by_name and any(use.endswith(_method(pattern)) for pattern in self.uses)


@cache
def expression(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """Return what matches any of these patterns."""
    return re.compile("|".join(".*".join(map(re.escape, pattern.split("*"))) for pattern in patterns))


def _method(pattern: str) -> str:
    return "." + pattern.rpartition(".")[2]


def mechanical(*uses: str, after: str, section: str, by_name: bool = False) -> Rule:
    """Return a rule whose change can be made without thinking."""
    return Rule(uses, after, Effort.MECHANICAL, section, by_name)


def decision(*uses: str, after: str, section: str, by_name: bool = False) -> Rule:
    """Return a rule whose change asks for a decision."""
    return Rule(uses, after, Effort.DECISION, section, by_name)


def no_counterpart(*uses: str, after: str, section: str, by_name: bool = False) -> Rule:
    """Return a rule for what Taskyard does not have."""
    return Rule(uses, after, Effort.NONE, section, by_name)


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """A queue that a project may come from."""

    name: str
    """As people name it on the command line."""

    page: str
    """Its page within the documentation."""

    values: Mapping[str, str]
    """What uses give: `{"@celery.shared_task": "celery:task"}`. Names of one thing in several modules are
    brought together here, too."""

    rules: Iterable[Rule]
    """The first that fits decides."""

    task: str = ""
    """What its tasks are among `values`: a method of theirs on a task of Taskyard's is a left-over."""

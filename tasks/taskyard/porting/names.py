"""What the names in a project's source stand for, as far as the source alone can tell.

What a name stands for is a text: the dotted path of what was imported, with `()` for each call on the way, as
in `celery.Celery().task`. Origins have words of their own for what matters (`celery:task`). `?` is what
nothing is known of, such as an argument.
"""

import builtins
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

UNKNOWN = "?"

MOST_STEPS = 20
"""How often a name is followed to another; modules that import in circles would have no end."""

CLASSES_BUILT_IN = {f"builtins.{name}" for name, value in vars(builtins).items() if isinstance(value, type)}

TASKYARD_VALUES = {
    "@taskyard.task": "taskyard:task",
    "@django.tasks.task": "taskyard:task",
}
"""Tasks that have been moved already."""

Scope = dict[str, str]


@dataclass(slots=True)
class Names:
    """The names of all modules of a project."""

    values: Mapping[str, str]
    """The origins' words for what uses give."""

    modules: dict[str, Scope] = field(default_factory=dict)

    handed_on: set[str] = field(default_factory=set)
    """What is in a list, or the first argument of a call, by value or as a text: others get to call it."""

    def has(self, value: str) -> bool:
        """Tell whether a value is the project's own, or Python's."""
        parts = value.split(".")
        return parts[0] == "builtins" or any(
            ".".join(parts[:end]) in self.modules for end in range(1, len(parts))
        )

    def settled(self, value: str) -> str:
        """Follow a value through the modules of the project, and say it in the origins' words."""
        for _ in range(MOST_STEPS):
            settled = self._in_origins_words(self._imported(value))
            if settled == value:
                return value
            value = settled
        return UNKNOWN

    def _imported(self, value: str) -> str:
        """Replace what another module of the project calls something by what it is there."""
        parts = value.split(".")
        for end in range(len(parts) - 1, 0, -1):
            scope = self.modules.get(".".join(parts[:end]))
            if scope is None:
                continue
            name, call, rest = _split_call(parts[end])
            there = scope.get(name)
            if there is None or there == ".".join([*parts[:end], name]):
                return value
            return ".".join([f"{there}{call}{rest}", *parts[end + 1 :]])
        return value

    def _in_origins_words(self, value: str) -> str:
        for end in _ends(value):
            if (word := self.values.get(value[:end])) is not None:
                return word + value[end:]
        return value


def _split_call(part: str) -> tuple[str, str, str]:
    name, call, rest = part.partition("(")
    return name, call, rest


def _ends(value: str) -> Iterable[int]:
    """Return where a word may end in a value: before a dot or a call, and at its end."""
    return [len(value), *(place for place in range(len(value) - 1, 0, -1) if value[place] in ".([")]


def in_scopes(name: str, scopes: Iterable[Scope]) -> str:
    """Return what a name stands for in the innermost of these scopes that has it."""
    for scope in scopes:
        if name in scope:
            return scope[name]
    return f"builtins.{name}" if hasattr(builtins, name) else UNKNOWN

"""What listeners are told."""

import json
from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

Topic = Hashable
"""What news are about: newer ones about the same take their place."""


@dataclass(frozen=True, eq=False)
class News:
    """Something that has happened: the same object for all who hear of it.

    Names: `job` (the job as it is now), `region` {name, html}, `newest` {id}, `trouble` {words}, `missed`
    {words}.
    """

    name: str
    data: dict[str, Any]
    topic: Topic
    id: str = ""
    """Where in the course of events it stands; "" for what is no part of it."""

    @cached_property
    def text(self) -> str:
        """The data as JSON, in one line."""
        return json.dumps(self.data, ensure_ascii=False, separators=(",", ":"))


def trouble(words: str) -> News:
    """Return that something keeps us from looking; with no words, that it is over."""
    return News("trouble", {"words": words}, "trouble")


def missed(position: str) -> News:
    """Return that more has happened than was told."""
    words = "More has happened than could be told. Read anew what you show."
    return News("missed", {"words": words}, "missed", position)

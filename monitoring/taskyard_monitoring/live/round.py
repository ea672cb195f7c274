"""One look of the watcher: what is asked of it, and what it has to tell."""

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from .audience import Region
from .news import News

if TYPE_CHECKING:
    from .listener import Listener


@dataclass(slots=True)
class Wish:
    """What somebody wants to be told at the next look, whether it has changed or not."""

    jobs: frozenset[UUID] = frozenset()
    regions: frozenset[Region] = frozenset()
    last_event_id: str | None = None
    knows_trouble: bool = False
    asked_at: float = field(default_factory=time.time)


@dataclass(slots=True)
class Round:
    """A look at the database for all who listen when it begins."""

    wishes: "Mapping[Listener, Wish]"
    named: list[UUID]
    """The jobs that somebody has named."""

    wide: "set[Listener]"
    """Who listens to jobs that nobody has named."""

    news: "defaultdict[Listener, list[News]]" = field(default_factory=lambda: defaultdict(list))
    """What it has to tell, by whom."""

    def tell(self, listeners: "Iterable[Listener]", news: News) -> None:
        """Have listeners told of something."""
        for listener in listeners:
            self.news[listener].append(news)

    def tell_first(self, listeners: "Iterable[Listener]", news: News) -> None:
        """Have listeners told of something before all else."""
        for listener in listeners:
            self.news[listener].insert(0, news)

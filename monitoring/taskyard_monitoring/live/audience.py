"""Who listens to what."""

from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from taskyard_monitoring.console.viewer import Viewer

from .interest import Interest

if TYPE_CHECKING:
    from .listener import Listener

Region = tuple[str, Viewer]
"""A part of a page as people of one level see it."""

K = TypeVar("K", bound=Hashable)

_NOTHING = Interest()


class Audience:
    """All listeners, found by what happens: a change costs as much as there are who want to hear of it."""

    def __init__(self) -> None:
        self._interests: dict[Listener, Interest] = {}
        self._jobs: dict[UUID, set[Listener]] = {}
        self._queues: dict[str, set[Listener]] = {}
        self._regions: dict[Region, set[Listener]] = {}
        self._all: set[Listener] = set()

    def __len__(self) -> int:
        return len(self._interests)

    def __contains__(self, listener: "Listener") -> bool:
        return listener in self._interests

    def interest_of(self, listener: "Listener") -> Interest:
        """Return what somebody listens to."""
        return self._interests.get(listener, _NOTHING)

    def place(self, listener: "Listener", interest: Interest) -> None:
        """Let somebody listen to this and nothing else."""
        old = self.interest_of(listener)
        self._interests[listener] = interest
        _move(self._jobs, old.jobs, interest.jobs, listener)
        _move(self._queues, old.queues, interest.queues, listener)
        _move(self._regions, regions_of(listener, old), regions_of(listener, interest), listener)
        (self._all.add if interest.everything else self._all.discard)(listener)

    def remove(self, listener: "Listener") -> None:
        """Let somebody listen to nothing more."""
        self.place(listener, _NOTHING)
        del self._interests[listener]

    @property
    def listeners(self) -> "list[Listener]":
        """All of them."""
        return list(self._interests)

    @property
    def jobs(self) -> list[UUID]:
        """The jobs that somebody has named."""
        return list(self._jobs)

    @property
    def regions(self) -> list[Region]:
        """The parts of pages that somebody looks at."""
        return list(self._regions)

    @property
    def wide(self) -> "set[Listener]":
        """Who listens to jobs that nobody has named."""
        return self._all.union(*self._queues.values())

    def of_job(self, job: UUID) -> "Iterable[Listener]":
        """Return who has named a job."""
        return self._jobs.get(job, ())

    def of_change(self, job: UUID, queue: str) -> "set[Listener]":
        """Return who wants to hear of a job in a queue."""
        return self._all.union(self._jobs.get(job, ()), self._queues.get(queue, ()))

    def of_region(self, region: Region) -> "Iterable[Listener]":
        """Return who looks at a part of a page."""
        return self._regions.get(region, ())


def regions_of(listener: "Listener", interest: Interest) -> frozenset[Region]:
    """Return the parts of pages that are meant, as far as the listener may see them."""
    viewer = listener.viewer
    if viewer is None or not viewer.may_view:
        return frozenset()
    return frozenset((name, viewer) for name in interest.regions)


def _move(
    index: "dict[K, set[Listener]]", old: frozenset[K], new: frozenset[K], listener: "Listener"
) -> None:
    for key in old - new:
        index[key].discard(listener)
        if not index[key]:
            del index[key]
    for key in new - old:
        index.setdefault(key, set()).add(listener)

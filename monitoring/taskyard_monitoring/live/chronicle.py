"""The course of events as one process has seen it: what jobs were like, and what has changed of late."""

import secrets
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from .jobs import Change, change
from .looking import NAMED, Seen, Sight

LENGTH = 1_000
"""Changes that are kept for who comes back after a moment and says where they stopped."""


@dataclass(frozen=True, slots=True)
class _Known:
    seen: Seen
    change: Change


class Chronicle:
    """Numbers what changes, so that a place in the course of events has a name: `epoch-number`.

    The epoch is this process's alone, so that nobody takes up where some other process stopped counting.
    """

    def __init__(self) -> None:
        self._epoch = secrets.token_hex(6)
        self._number = 0
        self._lately: deque[Change] = deque(maxlen=LENGTH)
        self._known: dict[UUID, _Known] = {}
        self._wide_from = 0

    @property
    def position(self) -> str:
        """The name of where we are."""
        return self._name(self._number)

    @property
    def running(self) -> list[UUID]:
        """The jobs that ran when they were last seen: where they go from there may be no part of a look."""
        return [job for job, known in self._known.items() if known.seen.is_running]

    def present(self, job: UUID) -> Change | None:
        """Return how a job is, as far as it is known."""
        known = self._known.get(job)
        return None if known is None else known.change

    def begin_wide(self) -> None:
        """Note that of jobs whose ids nobody named, only what happens from now on is known."""
        self._number += 1  # who stopped here has not seen what comes before
        self._wide_from = self._number

    def take(self, sight: Sight, new_from: UUID | None = None) -> list[Change]:
        """Take in what a look has found; returns what has changed.

        Args:
            new_from: jobs below this that nobody named are not news, but only how things stand.
        """
        changes = []
        for job, seen in sight.jobs.items():
            known = self._known.get(job)
            if known is not None and known.seen.row == seen.row and seen.is_still:
                continue
            found = change(sight.read(seen), self._number + 1, self._name(self._number + 1))
            if known is not None and _shows(known.change) == _shows(found):
                self._known[job] = _Known(seen, known.change)
                continue
            is_new = seen.parts != {NAMED} and (new_from is None or job >= new_from)
            self._known[job] = _Known(seen, found)
            if known is not None or is_new:
                self._number += 1
                self._lately.append(found)
                changes.append(found)
        return changes

    def gone(self, sight: Sight, named: Collection[UUID]) -> list[UUID]:
        """Forget the jobs that were asked for by id and are not there; returns those that were."""
        gone = [job for job in named if job not in sight.jobs and job in self._known]
        for job in gone:
            del self._known[job]
        return gone

    def forget(self, kept: Collection[UUID]) -> None:
        """Forget how all other jobs are."""
        self._known = {job: known for job, known in self._known.items() if job in kept}

    def since(self, position: str, *, wide: bool) -> list[Change] | None:
        """Return what has changed since a place in the course of events; None where nobody knows any more.

        Args:
            position: what a client says, so it may be anything.
            wide: of all jobs, not only of such as are named.
        """
        epoch, _, digits = position.partition("-")
        if epoch != self._epoch or not (digits.isascii() and digits.isdigit() and len(digits) < 20):
            return None
        number = int(digits)
        oldest = self._lately[0].number if self._lately else self._number + 1
        if number > self._number or number < oldest - 1 or (wide and number < self._wide_from):
            return None
        return [each for each in self._lately if each.number > number]

    def _name(self, number: int) -> str:
        return f"{self._epoch}-{number}"


def _shows(change: Change) -> dict[str, object]:
    """Return what is told of a job, but for how long it took: that grows while it waits to be tried again."""
    return {name: value for name, value in change.inside.data.items() if name != "run_time"}

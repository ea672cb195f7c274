"""How a dispatcher by itself does."""

import time
from datetime import timedelta
from typing import TYPE_CHECKING

from taskyard.database import database_time, jobs_connection
from taskyard_monitoring.metrics.asking import Asked, Recent

from .verdict import GOOD_FOR, TOO_LONG, Health, Verdict, carefully, in_seconds

if TYPE_CHECKING:
    from taskyard_monitoring.metrics.processes import Folder


class DispatcherHealth:
    """Whether a dispatcher makes its rounds, as its parent sees it by what it counts."""

    def __init__(self, folder: "Folder") -> None:
        self._folder = folder
        self._rounds = 0.0
        self._since = time.monotonic()
        self._question = Asked(_database_answers)
        self._recent = Recent(self._look, GOOD_FOR)

    def verdict(self) -> Verdict:
        """Return how it does, as found out within the last two seconds."""
        return self._recent.get()

    def _look(self) -> Verdict:
        from taskyard_monitoring.metrics.names import DISPATCHER_ROUNDS  # noqa: PLC0415

        with self._folder.held():
            rounds = self._folder.registry().get_sample_value(DISPATCHER_ROUNDS.name) or 0.0
        now = time.monotonic()
        if rounds != self._rounds:
            self._rounds, self._since = rounds, now
        silent_for = timedelta(seconds=now - self._since)
        if silent_for <= TOO_LONG:
            return Verdict(Health.OK)
        reachable = carefully(self._question)
        if reachable.health is not Health.OK:
            return reachable
        return Verdict(Health.BAD, [f"The dispatcher has made no round for {in_seconds(silent_for)}."])


def _database_answers() -> Verdict:
    database_time(jobs_connection())
    return Verdict(Health.OK)

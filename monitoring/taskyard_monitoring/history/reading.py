"""Roll-ups read back, slot by slot: what is over is read once.

Rows are found by step and slot, the first columns of their unique index. One reading goes through `MOST_ROWS`
at most, the newest slots first; what is left out is read by the next, so that no chart, however large the
fleet, makes the database work for long.
"""

import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from django.db.models import QuerySet, Sum

from taskyard.database import explained_errors, jobs_alias
from taskyard_monitoring.models import RollUp

from .histogram import Histogram, from_json
from .steps import Step
from .tally import COLUMNS

MOST_ROWS = 6_000
"""The most rows of histograms that one reading fetches."""

LATE = timedelta(seconds=30)
"""How long after it has settled a slot is read anew each time, for those who write late."""

KEPT = 600.0
"""Seconds after which a slot that was over is read again: who had no database writes very late."""

Name = tuple[Any, ...]
"""The values of the columns by which rows are grouped."""

Ended = Counter[str]
"""How many attempts ended how."""

Numbers = TypeVar("Numbers", Ended, Histogram)


class Reader(ABC, Generic[Numbers]):
    """Reads one kind of numbers, grouped by some columns."""

    def __init__(self, step: Step, columns: Sequence[str]) -> None:
        self._step = step
        self._columns = tuple(columns)
        self._over: dict[datetime, tuple[float, dict[Name, Numbers]]] = {}
        self._lock = threading.Lock()

    def read(self, slots: Sequence[datetime], now: datetime) -> dict[datetime, dict[Name, Numbers]]:
        """Return the numbers of slots, by name; slots that were not read yet are missing.

        Args:
            slots: which are wanted, oldest first.
            now: by the database's clock.
        """
        with self._lock:
            self._forget(now - self._step.kept)
            missing = [slot for slot in slots if slot not in self._over]
            fresh = self._fetch(missing) if missing else {}
            over_before = now - self._step.settled - LATE - timedelta(seconds=self._step.seconds)
            read_at = time.monotonic()
            self._over |= {slot: (read_at, found) for slot, found in fresh.items() if slot <= over_before}
            known = {slot: found for slot, (_, found) in self._over.items()} | fresh
            return {slot: known[slot] for slot in slots if slot in known}

    def _forget(self, before: datetime) -> None:
        oldest_reading = time.monotonic() - KEPT
        self._over = {
            slot: (read_at, found)
            for slot, (read_at, found) in self._over.items()
            if slot >= before and read_at > oldest_reading
        }

    def _fetch(self, slots: Sequence[datetime]) -> dict[datetime, dict[Name, Numbers]]:
        rows = RollUp.objects.using(jobs_alias()).filter(step=self._step.seconds, slot__in=slots)
        with explained_errors():
            return self._grouped(rows, slots)

    @abstractmethod
    def _grouped(
        self, rows: "QuerySet[RollUp]", slots: Sequence[datetime]
    ) -> dict[datetime, dict[Name, Numbers]]:
        """Return the numbers of the slots that were read, by slot and name."""


class EndedReader(Reader[Ended]):
    """Reads how many attempts ended how; the database adds them up."""

    def _grouped(
        self, rows: "QuerySet[RollUp]", slots: Sequence[datetime]
    ) -> dict[datetime, dict[Name, Ended]]:
        found: dict[datetime, dict[Name, Ended]] = {slot: {} for slot in slots}
        sums = {f"all_{column}": Sum(column) for column in COLUMNS.values()}
        grouped = rows.values_list("slot", *self._columns).annotate(**sums).order_by()
        width = len(self._columns)
        for slot, *rest in grouped:
            found[slot][tuple(rest[:width])] = Counter(dict(zip(COLUMNS.values(), rest[width:], strict=True)))
        return found


class TimesReader(Reader[Histogram]):
    """Reads how long attempts ran, or waited."""

    def __init__(self, step: Step, columns: Sequence[str], histogram: str) -> None:
        super().__init__(step, columns)
        self._histogram = histogram

    def _grouped(
        self, rows: "QuerySet[RollUp]", slots: Sequence[datetime]
    ) -> dict[datetime, dict[Name, Histogram]]:
        chosen = rows.order_by("-slot").values_list("slot", *self._columns, self._histogram)
        fetched = list(chosen[: MOST_ROWS + 1])
        found: dict[datetime, dict[Name, Counter[str]]] = {slot: {} for slot in slots}
        if len(fetched) > MOST_ROWS:
            # The last slot was read in part, those before it not at all. A slot alone is taken as it is.
            newest, last = fetched[0][0], fetched[-1][0]
            found = {slot: {} for slot in slots if slot > last or slot == newest}
        for slot, *name, histogram in fetched:
            if slot in found:
                found[slot].setdefault(tuple(name), Counter()).update(histogram)
        return {
            slot: {name: from_json(numbers) for name, numbers in named.items()}
            for slot, named in found.items()
        }


def merged(several: Iterable[Numbers]) -> Numbers:
    """Return the sum of several numbers."""
    whole: Numbers = Counter()
    for each in several:
        whole.update(each)
    return whole

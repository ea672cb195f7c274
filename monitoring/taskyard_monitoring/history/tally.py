"""What this process has done and not yet put into the database for good.

A row is replaced as a whole, so the numbers of a slot stay here for as long as it may still fill. The memory
is bounded: of a slot, by `MOST_ROWS`; of slots that a database out of reach does not take, by `MOST_SLOTS`.
"""

import threading
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from taskyard.states import Event

from .histogram import Histogram, bucket_of
from .steps import STEPS, Step

MOST_ROWS = 200
"""Beyond so many rows in a slot, what is new is counted under the task `OTHERS`; beyond twice as many, under
the queue of that name as well."""

MOST_SLOTS = 30
"""Of each step; then the oldest is given up."""

OTHERS = "others"

STILL_OPEN = 2
"""The newest slots of a step, which may still fill: clocks are reckoned, and differ a little."""

COLUMNS = {
    Event.SUCCEED: "succeeded",
    Event.FAIL: "failed",
    Event.CANCEL: "cancelled",
    Event.RETRY: "retried",
}
"""Where an attempt counts, by how it ended; what was handed back or put off counts nowhere."""


@dataclass(frozen=True, slots=True)
class Key:
    """Of what a row tells."""

    backend: str
    engine: str
    queue: str
    task: str


@dataclass(slots=True)
class Numbers:
    """What a row tells."""

    ended: Counter[str] = field(default_factory=Counter)
    run_times: Histogram = field(default_factory=Counter)
    waits: Histogram = field(default_factory=Counter)

    def count(self, column: str, run_time: int, wait: int) -> None:
        """Count one attempt, its times given as buckets."""
        self.ended[column] += 1
        self.run_times[run_time] += 1
        self.waits[wait] += 1

    def copy(self) -> "Numbers":
        """Return the same numbers, to be read while these go on."""
        return Numbers(self.ended.copy(), self.run_times.copy(), self.waits.copy())


@dataclass(slots=True)
class Slot:
    """One slot of one step."""

    rows: dict[Key, Numbers] = field(default_factory=lambda: defaultdict(Numbers))
    changed: set[Key] = field(default_factory=set)
    """Which rows the database does not have as they are."""

    def row_of(self, key: Key) -> Key:
        """Return under what an attempt counts; see `MOST_ROWS`."""
        if key in self.rows or len(self.rows) < MOST_ROWS:
            return key
        pooled = Key(key.backend, key.engine, key.queue, OTHERS)
        if pooled in self.rows or len(self.rows) < 2 * MOST_ROWS:
            return pooled
        return Key(key.backend, key.engine, OTHERS, OTHERS)


Change = tuple[datetime, Key, Numbers]
"""A row that the database does not have as it is: its slot, of what it tells, and what."""


class Tally:
    """Counts attempts; any thread may."""

    def __init__(self) -> None:
        self.dropped = 0
        """How many slots were given up because no database took them."""

        self._slots: dict[Step, dict[datetime, Slot]] = {step: {} for step in STEPS}
        self._lock = threading.Lock()

    def count(self, key: Key, event: Event, ended_at: datetime, run_time: float, wait: float) -> None:
        """Count an attempt that has ended.

        Args:
            key: whose it was.
            event: how it ended.
            ended_at: when, by the database's clock.
            run_time: seconds that it ran.
            wait: seconds that it could have run before.
        """
        column = COLUMNS.get(event)
        if column is None:
            return
        buckets = bucket_of(run_time), bucket_of(wait)
        with self._lock:
            for step, slots in self._slots.items():
                slot = self._slot(slots, step.slot_of(ended_at))
                row = slot.row_of(key)
                slot.rows[row].count(column, *buckets)
                slot.changed.add(row)

    def changes(self, step: Step) -> list[Change]:
        """Return the rows of a step that are to be written, and count them as written."""
        with self._lock:
            taken = [
                (at, key, slot.rows[key].copy())
                for at, slot in self._slots[step].items()
                for key in slot.changed
            ]
            for slot in self._slots[step].values():
                slot.changed.clear()
            self._forget_what_is_over(self._slots[step])
        return taken

    def give_back(self, step: Step, changes: list[Change]) -> None:
        """Count rows as not written after all."""
        with self._lock:
            slots = self._slots[step]
            for at, key, numbers in changes:
                slot = slots.setdefault(at, Slot())
                slot.rows.setdefault(key, numbers)
                slot.changed.add(key)
            while len(slots) > MOST_SLOTS:
                del slots[min(slots)]
                self.dropped += 1

    def _slot(self, slots: dict[datetime, Slot], at: datetime) -> Slot:
        """Return a slot that may still fill: the wanted one, or the nearest."""
        if at not in slots:
            still_open = sorted(slots)[-STILL_OPEN:]
            if len(still_open) == STILL_OPEN:
                at = max(at, still_open[0])
        return slots.setdefault(at, Slot())

    def _forget_what_is_over(self, slots: dict[datetime, Slot]) -> None:
        for at in sorted(slots)[:-STILL_OPEN]:
            del slots[at]

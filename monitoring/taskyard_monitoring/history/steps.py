"""Into what steps time is cut, how often each is written, and how long it is kept."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from taskyard.schedules.times import moment_of, stored


@dataclass(frozen=True, slots=True)
class Step:
    """One length of a chart's slots."""

    seconds: int
    kept: timedelta
    """How long its rows stay."""

    pause: float
    """Seconds between two writings of a slot that still fills: a long slot can wait longer for its news."""

    @property
    def settled(self) -> timedelta:
        """How long after something happened every process in good health has written it."""
        return timedelta(seconds=self.pause + 3)

    def slot_of(self, moment: datetime) -> datetime:
        """Return the beginning of the slot in which a moment of the database's clock lies."""
        seconds = int(moment_of(moment).timestamp()) // self.seconds * self.seconds
        return stored(datetime.fromtimestamp(seconds, UTC))


TEN_SECONDS = Step(10, timedelta(minutes=30), pause=5)
MINUTE = Step(60, timedelta(hours=3), pause=15)
TEN_MINUTES = Step(600, timedelta(days=8), pause=60)

STEPS = (TEN_SECONDS, MINUTE, TEN_MINUTES)


def slots_between(step: Step, first: datetime, last: datetime) -> Iterable[datetime]:
    """Yield the slots from one to another, both included."""
    slot, end = moment_of(first), moment_of(last)
    while slot <= end:
        yield stored(slot)
        slot += timedelta(seconds=step.seconds)

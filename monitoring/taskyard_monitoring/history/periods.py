"""Of which slots of the past enough is known to show them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from taskyard.database import database_time, jobs_connection

from .steps import TEN_SECONDS, Step, slots_between

SHORTEST_KNOWN = 30.0
"""Seconds of a long slot which must be known for it to be shown: by less it would jump about."""


@dataclass(frozen=True, slots=True)
class Period:
    """The slots of a chart, by the database's clock.

    The newest slots of a long step are not written for good yet. What is known of them stands in slots of ten
    seconds, which are: so the end of a chart is neither late nor a drop that nobody saw.
    """

    step: Step
    now: datetime
    slots: tuple[datetime, ...]
    """Oldest first; the last is the newest of which enough is known."""

    covered: dict[datetime, float]
    """How many seconds of each are known."""

    settled: tuple[datetime, ...]
    """Those of `slots` that are to be read as they are."""

    parts: tuple[datetime, ...]
    """The slots of ten seconds of which all others are made up."""


def period(step: Step, length: timedelta) -> Period:
    """Return the slots of the last so much time."""
    now = database_time(jobs_connection())
    first = step.slot_of(now - length)
    over = now - step.settled - timedelta(seconds=step.seconds)
    settled = tuple(slot for slot in slots_between(step, first, step.slot_of(now)) if slot <= over)
    covered = dict.fromkeys(settled, float(step.seconds))
    parts: list[datetime] = []
    if step is not TEN_SECONDS:
        rest = settled[-1] + timedelta(seconds=step.seconds) if settled else first
        parts = known_parts(rest, now)
        for part in parts:
            slot = step.slot_of(part)
            covered[slot] = covered.get(slot, 0.0) + TEN_SECONDS.seconds
    covered = {
        slot: seconds for slot, seconds in covered.items() if seconds >= min(step.seconds, SHORTEST_KNOWN)
    }
    return Period(step, now, tuple(covered), covered, settled, tuple(parts))


def known_parts(first: datetime, now: datetime) -> list[datetime]:
    """Return the slots of ten seconds from one on that every process in good health has written."""
    over = now - TEN_SECONDS.settled - timedelta(seconds=TEN_SECONDS.seconds)
    return [slot for slot in slots_between(TEN_SECONDS, first, now) if slot <= over]

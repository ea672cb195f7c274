"""Which of the slots that have come become jobs."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from taskyard.models import Missed

from .calendar import Rule, between, latest

GRACE = timedelta(seconds=60)
"""How late a slot may be before it counts as missed: a restart of the only worker is no outage."""

MOST_AT_ONCE = 100
"""Jobs that a schedule brings about in one transaction; what is left to catch up follows in the next."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What a schedule does now."""

    slots: list[datetime]
    """The slots to enqueue a job for."""

    next_slot: datetime
    """Where it goes on."""


def turn(rule: Rule, missed: Missed, window: timedelta | None, *, pending: datetime, now: datetime) -> Turn:
    """Decide what becomes of a schedule's slots from the pending one to now.

    Args:
        rule: when its slots are.
        missed: what becomes of those that are missed.
        window: how old a missed slot may be; None: any age.
        pending: the first slot that nothing was decided about.
        now: the present.
    """
    slots = list(islice(_wanted(rule, missed, window, pending, now), MOST_AT_ONCE + 1))
    if len(slots) > MOST_AT_ONCE:
        return Turn(slots[:-1], slots[-1])
    return Turn(slots, next(rule.after(now)))


def _wanted(
    rule: Rule, missed: Missed, window: timedelta | None, pending: datetime, now: datetime
) -> Iterator[datetime]:
    oldest = pending if window is None else max(pending, now - window)
    on_time = max(pending, now - GRACE)
    if missed == Missed.CATCH_UP:
        yield from between(rule, min(oldest, on_time), now)
        return
    yet_to_run = missed == Missed.RUN_ONCE
    for slot in between(rule, on_time, now):
        yet_to_run = False  # a slot that is on time stands for the missed ones before it
        yield slot
    if yet_to_run and (last := latest(rule, oldest, now)):
        yield last

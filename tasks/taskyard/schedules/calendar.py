"""When a schedule's slots are: strictly one after the other, the same wherever one starts to look.

Two kinds of cron expressions meet a change of the clocks in two ways, as in Debian's cron. Those that name
a time of day (`30 2 * * *`) mean the clock on the wall: a time that the change skips comes when the change is
over, and one that comes twice is taken the first time. Those with a star for the minute or the hour
(`*/15 * * * *`, `0 * * * *`) mean a distance in real time: they go on as if nothing had happened.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import takewhile
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .cron import Cron

SHORTEST_INTERVAL = timedelta(seconds=1)
LONGEST_INTERVAL = timedelta(days=3660)

LONGEST_CRON = 100
"""Characters of an expression: what the table holds."""

ANCHOR = datetime(1970, 1, 5, tzinfo=UTC)
"""From where intervals are counted: a Monday's midnight. Fixed, so that a restart moves no slot."""

RESOLUTION = timedelta(microseconds=1)
"""Between two moments there is at least this."""


class Rule(Protocol):
    """When slots are."""

    def after(self, moment: datetime) -> Iterator[datetime]:
        """Yield the slots after a moment, in UTC and in their order."""


@dataclass(frozen=True, slots=True)
class Every:
    """Slots at a fixed distance."""

    interval: timedelta

    def after(self, moment: datetime) -> Iterator[datetime]:
        """Yield the multiples of the interval since the anchor."""
        slot = ANCHOR + ((moment - ANCHOR) // self.interval + 1) * self.interval
        while True:
            yield slot
            slot += self.interval


@dataclass(frozen=True, slots=True)
class ByClock:
    """Slots at named times of day: each time on the wall once."""

    cron: Cron
    zone: ZoneInfo

    def after(self, moment: datetime) -> Iterator[datetime]:
        """Yield each named time the first time it comes, or when the change that skips it is over."""
        for wall in self.cron.wall_times(_wall(moment, self.zone)):
            slot = self._first(wall)
            if slot > moment:
                yield slot
                moment = slot

    def _first(self, wall: datetime) -> datetime:
        while not (moments := _moments(wall, self.zone)):
            wall += timedelta(minutes=1)
        return moments[0]


@dataclass(frozen=True, slots=True)
class ByRealTime:
    """Slots at every moment whose time on the wall is named: a repeated hour has its slots twice."""

    cron: Cron
    zone: ZoneInfo

    def after(self, moment: datetime) -> Iterator[datetime]:
        """Yield the moments; those of a second pass wait until the first is over."""
        second_pass: deque[datetime] = deque()
        for wall in self.cron.wall_times(_wall(moment, self.zone) - self._set_back_soon(moment)):
            for number, slot in enumerate(_moments(wall, self.zone)):
                if number:
                    second_pass.append(slot)
                    continue
                while second_pass and second_pass[0] < slot:
                    yield from _later(second_pass.popleft(), moment)
                yield from _later(slot, moment)
        yield from second_pass

    def _set_back_soon(self, moment: datetime) -> timedelta:
        """Return by how much the clock is set back within a day: so much of the wall comes again."""
        now, later = (each.astimezone(self.zone).utcoffset() for each in (moment, moment + timedelta(days=1)))
        assert now is not None
        assert later is not None
        return max(now - later, timedelta(0))


def _later(slot: datetime, moment: datetime) -> Iterator[datetime]:
    if slot > moment:
        yield slot


def _wall(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)


def _moments(wall: datetime, zone: ZoneInfo) -> list[datetime]:
    """Return when the wall shows a time: once as a rule, never in a skipped hour, twice in a repeated one."""
    possible = [wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
    return sorted({moment for moment in possible if _wall(moment, zone) == wall})


# --- from what people write ---


@lru_cache(maxsize=1024)
def rule_of(cron: str, interval: timedelta | None, timezone: str) -> Rule:
    """Return the rule that a cron expression or an interval means; an interval has no use for the zone.

    Raises:
        ValueError: saying what is wrong and where.
    """
    if bool(cron) == (interval is not None):
        raise ValueError("A schedule has a cron expression or an interval: one of them.")
    if interval is not None:
        if not SHORTEST_INTERVAL <= interval <= LONGEST_INTERVAL:
            raise ValueError(
                f"The interval {interval} is not within 1 second and {LONGEST_INTERVAL.days} days."
            )
        return Every(interval)
    if len(cron) > LONGEST_CRON:
        raise ValueError(f"The cron expression is longer than {LONGEST_CRON} characters.")
    expression, zone = Cron.parse(cron), _zone(timezone)
    return ByClock(expression, zone) if expression.goes_by_the_wall_clock else ByRealTime(expression, zone)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (
        ZoneInfoNotFoundError,
        ValueError,
        OSError,
    ):  # OSError: a folder of the database, such as "Europe"
        raise ValueError(
            f"There is no time zone {name!r}. Give a name such as Europe/Berlin or UTC."
        ) from None


# --- stretches of time ---


def between(rule: Rule, first: datetime, last: datetime) -> Iterator[datetime]:
    """Yield the slots from one moment to another, both included."""
    return takewhile(lambda slot: slot <= last, rule.after(first - RESOLUTION))


def latest(rule: Rule, first: datetime, last: datetime) -> datetime | None:
    """Return the last slot of a stretch, without walking through all of it."""
    window = timedelta(minutes=1)
    while last - window > first:
        if slots := list(between(rule, last - window, last)):
            return slots[-1]
        window *= 4
    slots = list(between(rule, first, last))
    return slots[-1] if slots else None

"""Random cron expressions and their slots, found the slow way: minute by minute, by a clock on the wall.

Knows nothing of the code under test, nor of the library it uses.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

MINUTE = timedelta(minutes=1)

RANGES = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 6)]

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Havana",  # midnight comes twice
    "America/Santiago",  # midnight is skipped
    "Africa/Cairo",
    "Asia/Beirut",
    "Australia/Lord_Howe",  # half an hour
    "Antarctica/Troll",  # two hours
    "Africa/Casablanca",  # winter in Ramadan
    "Pacific/Apia",  # 30 December 2011 never was
]


@dataclass(frozen=True)
class Expression:
    """A cron expression with what each field allows."""

    texts: tuple[str, ...]
    allowed: tuple[frozenset[int], ...]

    def __str__(self):
        return " ".join(self.texts)

    @property
    def goes_by_the_wall_clock(self):
        return not self.texts[0].startswith("*") and not self.texts[1].startswith("*")

    def matches(self, wall):
        minutes, hours, days, months, weekdays = self.allowed
        day = wall.day in days
        weekday = wall.isoweekday() % 7 in weekdays
        starred = self.texts[2].startswith("*") or self.texts[4].startswith("*")
        return (
            wall.minute in minutes
            and wall.hour in hours
            and wall.month in months
            and ((day and weekday) if starred else (day or weekday))
        )


@st.composite
def fields(draw, low, high):
    every = frozenset(range(low, high + 1))
    kind = draw(st.sampled_from(["*", "*/", "value", "list", "range"]))
    if kind == "*":
        return "*", every
    if kind == "*/":
        step = draw(st.integers(1, high))
        return f"*/{step}", frozenset(range(low, high + 1, step))
    if kind == "range":
        first = draw(st.integers(low, high - 1))
        last = draw(st.integers(first + 1, high))
        step = draw(st.integers(1, 5))
        return f"{first}-{last}/{step}", frozenset(range(first, last + 1, step))
    size = 1 if kind == "value" else 4
    values = draw(st.lists(st.integers(low, high), min_size=1, max_size=size, unique=True))
    return ",".join(map(str, values)), frozenset(values)


@st.composite
def expressions(draw):
    # Every day in half of them, for a stretch of three days has few others.
    every_day = st.just(("*", frozenset(range(1, 32))))
    every_weekday = st.just(("*", frozenset(range(7))))
    day, weekday = draw(every_day | fields(1, 31)), draw(every_weekday | fields(0, 6))
    month = ("*", frozenset(range(1, 13)))
    minute, hour = draw(fields(0, 59)), draw(fields(0, 23))
    parts = (minute, hour, day, month, weekday)
    texts, allowed = zip(*parts, strict=True)
    return Expression(texts, allowed)


def changes_of(zone):
    """Return the moments, to the hour, around which a zone's clocks change in 2011 to 2027."""
    moment, end = datetime(2011, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    found = []
    while moment < end:
        later = moment + timedelta(hours=6)
        if moment.astimezone(zone).utcoffset() != later.astimezone(zone).utcoffset():
            found.append(moment)
        moment = later
    return found or [datetime(2024, 2, 29, tzinfo=UTC)]


CHANGES = {name: changes_of(ZoneInfo(name)) for name in ZONES}


@st.composite
def stretches(draw):
    """A zone with a stretch of three days in which its clocks change."""
    name = draw(st.sampled_from(ZONES))
    change = draw(st.sampled_from(CHANGES[name]))
    first = change - timedelta(minutes=draw(st.integers(0, 36 * 60)))
    return name, first, first + timedelta(days=3)


def slots_by_walking(expression, name, first, last):
    """Return an expression's slots after `first` up to `last`, minute by minute."""
    zone = ZoneInfo(name)
    moment, found = first, []
    furthest = shown = _wall(first - timedelta(days=2), zone)
    # The first minutes only tell which times the wall has shown already.
    moment = first - timedelta(days=2)
    while moment < last:
        moment += MINUTE
        before, shown = shown, _wall(moment, zone)
        if expression.goes_by_the_wall_clock:
            skipped = _minutes(before + MINUTE, shown) if shown > before else []
            new = [wall for wall in [*skipped, shown] if wall > furthest]
            furthest = max(furthest, shown)
        else:
            new = [shown]
        if any(expression.matches(wall) for wall in new) and moment > first:
            found.append(moment)
    return found


def _wall(moment, zone):
    return moment.astimezone(zone).replace(tzinfo=None)


def _minutes(first, end):
    return [first + number * MINUTE for number in range(int((end - first) / MINUTE))]

"""Cron expressions: what is wrong with one, and the wall-clock times it names.

The library `cronsim` reads them as Debian's cron does; the time zone is `calendar`'s business.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from cronsim import CronSim, CronSimError

ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

FIELDS = (
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day of the month", "1 to 31, L for the last, LW for the last weekday"),
    ("month", "1 to 12, or JAN to DEC"),
    ("day of the week", "0 to 7 (0 and 7 are Sunday), SUN to SAT, MON#2 for the second, 5L for the last"),
)
"""The fields' names, and what may stand in them beside `*`, lists, ranges and steps."""

_START = datetime(2000, 1, 1)  # noqa: DTZ001 - a time on the wall, in no zone


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron expression of five fields that names at least one time."""

    fields: str

    @classmethod
    def parse(cls, text: str) -> "Cron":
        """Read an expression, or one of `ALIASES`.

        Raises:
            ValueError: naming the field at fault and its position in the text.
        """
        alias = text.strip().lower()
        if alias.startswith("@"):
            if alias not in ALIASES:
                raise ValueError(f"{text!r} is none of {', '.join(ALIASES)}.")
            return cls(ALIASES[alias])
        fields = list(re.finditer(r"\S+", text))
        if len(fields) != len(FIELDS):
            names = ", ".join(name for name, _ in FIELDS)
            raise ValueError(f"{text!r} has {len(fields)} fields and needs {len(FIELDS)}: {names}.")
        for number, found in enumerate(fields):
            _check_field(text, number, found)
        cron = cls(" ".join(found[0] for found in fields))
        cron._check_days(text, fields[2])
        return cron

    def _check_days(self, text: str, days: re.Match[str]) -> None:
        """Refuse days that no month has, such as 30 February."""
        try:
            exists = next(CronSim(self.fields, _START), None) is not None
        except CronSimError:
            exists = False
        if not exists:
            where = _position(days.start(), days[0])
            raise ValueError(f"{text!r} never comes: those months have no day {days[0]!r} ({where}).")

    @property
    def goes_by_the_wall_clock(self) -> bool:
        """Whether minute and hour are both named, so that a slot means a time on the wall.

        Others, such as `*/15 * * * *`, mean a distance in real time. As Debian's cron has it, the first
        character decides.
        """
        minute, hour, *_ = self.fields.split()
        return not minute.startswith("*") and not hour.startswith("*")

    def wall_times(self, after: datetime) -> Iterator[datetime]:
        """Yield the naive times after a naive one, in their order, on a clock that is never changed."""
        return iter(CronSim(self.fields, after))


def _check_field(text: str, number: int, found: re.Match[str]) -> None:
    before, after = ["*"] * number, ["*"] * (len(FIELDS) - number - 1)
    name, allowed = FIELDS[number]
    start = found.start()
    for term in found[0].split(","):
        try:
            CronSim(" ".join([*before, term or "?", *after]), _START)
        except CronSimError:
            raise ValueError(
                f"{text!r}: {term!r} is no {name} ({_position(start, term)}). It may be {allowed}."
            ) from None
        start += len(term) + 1


def _position(start: int, part: str) -> str:
    if len(part) < 2:
        return f"character {start + 1}"
    return f"characters {start + 1} to {start + len(part)}"

"""Reading the words that people search by."""

import re
import shlex
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from taskyard.tags import check_tag


class BadSearch(ValueError):
    """What was asked for cannot be read; the message says how it could."""


def read_tag(text: str) -> str:
    """Read a tag.

    Raises:
        BadSearch: where it cannot be one.
    """
    try:
        return check_tag(text)
    except ValueError as fault:
        raise BadSearch(str(fault)) from fault


_AGE = re.compile(r"(\d+)\s*([smhdw])", re.IGNORECASE)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def read_age(text: str) -> timedelta:
    """Read a stretch of time, such as `90s`, `30m`, `2h`, `7d` or `4w`.

    Raises:
        BadSearch: for anything else.
    """
    match = _AGE.fullmatch(text.strip())
    try:
        if match:
            return timedelta(**{_UNITS[match[2].lower()]: int(match[1])})
    except OverflowError:
        pass
    raise BadSearch(f"{text!r} is no stretch of time; write 90s, 30m, 2h, 7d or 4w.")


def read_since(text: str) -> datetime:
    """Read since when: a stretch of time that ends now, a date, or a date and time.

    Raises:
        BadSearch: for anything else.
    """
    try:
        return _in_zone(parse_datetime(text)) or timezone.now() - read_age(text)
    except (ValueError, OverflowError) as fault:
        raise BadSearch(
            f"{text!r} is no time; write 2h (7d, 30m, …), 2026-01-31 or 2026-01-31T14:30."
        ) from fault


def _in_zone(moment: datetime | None) -> datetime | None:
    """Return a time as it is compared with columns: aware exactly where the site's times are."""
    if moment is None:
        return None
    if settings.USE_TZ:
        return timezone.make_aware(moment) if timezone.is_naive(moment) else moment
    return moment if timezone.is_naive(moment) else timezone.make_naive(moment)


def split_words(text: str) -> list[str]:
    """Split a line into words as a shell does.

    Raises:
        BadSearch: where a quotation mark has no partner.
    """
    try:
        return shlex.split(text)
    except ValueError as fault:
        raise BadSearch(f"A quotation mark has no partner: {text}") from fault

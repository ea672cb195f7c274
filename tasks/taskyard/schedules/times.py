"""Between the moments of the calendar and the times in the table, which are naive where USE_TZ is off."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.utils import timezone

from taskyard.models import Schedule

from .calendar import Rule, rule_of


def moment_of(stored: datetime) -> datetime:
    """Return the moment, in UTC, that a time from the table means."""
    if timezone.is_naive(stored):
        stored = timezone.make_aware(stored, timezone.get_default_timezone())
    return stored.astimezone(UTC)


def stored(moment: datetime) -> datetime:
    """Return a moment as the table holds it."""
    return moment if settings.USE_TZ else timezone.make_naive(moment, timezone.get_default_timezone())


@dataclass(frozen=True, slots=True)
class _OnceOnTheWall:
    """A rule whose slots a table of naive local times can tell apart: the repeated hour has them once."""

    rule: Rule

    def after(self, moment: datetime) -> Iterator[datetime]:
        latest = stored(moment)
        for slot in self.rule.after(moment):
            if stored(slot) > latest:
                latest = stored(slot)
                yield slot


def rule_for(schedule: Schedule) -> Rule:
    """Return when a schedule's slots are.

    Raises:
        ValueError: saying what is wrong with it.
    """
    rule = rule_of(schedule.cron, schedule.interval, schedule.timezone)
    return rule if settings.USE_TZ else _OnceOnTheWall(rule)

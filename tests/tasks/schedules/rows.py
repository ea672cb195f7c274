"""Schedules as their table holds them, and a clock that jumps."""

from datetime import timedelta

from django.db import connection
from django.db.models import F

from taskyard.database import database_time
from taskyard.models import Job, Schedule
from taskyard.schedules.calendar import latest
from taskyard.schedules.times import moment_of, rule_for, stored
from tests.example.tasks import leave

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

DECADE = timedelta(days=3660)
"""Between slots of which none comes while a test runs."""


def now():
    return moment_of(database_time(connection))


def add_schedule(*, late=None, due=False, **columns):
    """Add a schedule that begins with its next slot, or has one that is due.

    Args:
        late: for how long at least its pending slot has been due.
        due: whether its latest slot is pending.
        columns: what is not as usual.
    """
    usual = {"name": "usual", "task": leave.module_path, "args": ["x"]}
    if not columns.get("cron"):
        usual["interval"] = DECADE
    schedule = Schedule.objects.create(**{**usual, **columns})
    if due or late is not None:
        set_pending(schedule, now() - (late or timedelta(0)))
    return schedule


def set_pending(schedule, moment):
    """Let the last slot up to a moment be the one that nothing was decided about."""
    schedule.next_slot = stored(latest(rule_for(schedule), moment - 2 * DECADE, moment))
    schedule.save()


def fresh(schedule):
    return Schedule.objects.get(pk=schedule.pk)


def slots_of(schedule):
    """Return the slots for which there are jobs."""
    return sorted(Job.objects.filter(schedule=schedule, slot__isnull=False).values_list("slot", flat=True))


def clock_jumps(by):
    """Let the database's clock jump: all times that it gave go the other way."""
    times = ("next_slot", "last_slot", "last_fired_at", "last_success_at")
    Schedule.objects.update(**{name: F(name) - by for name in times})
    Job.objects.update(slot=F("slot") - by, enqueued_at=F("enqueued_at") - by)

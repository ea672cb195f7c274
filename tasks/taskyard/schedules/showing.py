"""A schedule as people are shown it, on the command line, in the admin and as JSON."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone

from taskyard.models import Schedule
from taskyard.operating.presenting import span
from taskyard.operating.redaction import redacted_schedule

from .control import next_runs
from .synchronising import changed_by_hand


def shown_times(schedule: Schedule) -> str:
    """Return when its slots are, in a few words."""
    if schedule.cron:
        return f"{schedule.cron} {schedule.timezone}"
    return f"every {span(schedule.interval)}" if schedule.interval else ""


def shown_condition(schedule: Schedule) -> str:
    """Return how it stands: active, paused, or faulty where it cannot fire."""
    if schedule.paused_at is not None:
        return "paused"
    return "faulty" if schedule.fault else "active"


def shown_next_runs(schedule: Schedule, count: int = 5) -> list[str]:
    """Return the next slots by the clock that the schedule goes by; none where its times are at fault."""
    try:
        return [shown_slot(schedule, slot) for slot in next_runs(schedule, count)]
    except ValueError:
        return []


def shown_slot(schedule: Schedule, slot: datetime) -> str:
    """Return a slot by the clock that the schedule goes by."""
    if timezone.is_naive(slot):
        return f"{slot:%a %Y-%m-%d %H:%M:%S}"
    zone = ZoneInfo(schedule.timezone) if schedule.cron else timezone.get_current_timezone()
    return f"{slot.astimezone(zone):%a %Y-%m-%d %H:%M:%S %Z}"


def as_data(schedule: Schedule) -> dict[str, Any]:
    """Return all there is to know about a schedule, its arguments redacted, as JSON."""
    args, kwargs = redacted_schedule(schedule)
    return {
        "name": schedule.name,
        "task": schedule.task,
        "args": args,
        "kwargs": kwargs,
        "cron": schedule.cron or None,
        "interval": _seconds(schedule.interval),
        "timezone": schedule.timezone,
        "missed": schedule.missed,
        "catch_up_window": _seconds(schedule.catch_up_window),
        "overlap": schedule.overlap,
        "jitter": _seconds(schedule.jitter),
        "queue": schedule.queue or None,
        "priority": schedule.priority,
        "backend": schedule.backend or None,
        "condition": shown_condition(schedule),
        "fault": schedule.fault or None,
        "paused_at": _iso(schedule.paused_at),
        "next_slot": _iso(schedule.next_slot),
        "last_slot": _iso(schedule.last_slot),
        "last_fired_at": _iso(schedule.last_fired_at),
        "last_success_at": _iso(schedule.last_success_at),
        "lateness": _seconds(schedule.lateness),
        "declared_in_code": schedule.declared is not None,
        "changed_by_hand": changed_by_hand(schedule),
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _seconds(length: Any) -> float | None:
    return None if length is None else length.total_seconds()

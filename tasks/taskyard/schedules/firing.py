"""Making jobs of the slots that have come.

Any number of dispatchers fire at once, without a leader. A schedule is taken with its row locked, passed over
by the others; its jobs are inserted in the transaction that moves it on to its next slot; and no two jobs can
have the same schedule and slot, whatever happens.
"""

import logging
import random
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import DatabaseError, DataError, IntegrityError, connections, transaction
from django.db.models import F, Q, QuerySet

from taskyard.database import DatabaseNow, database_time, explained_errors, jobs_alias, run
from taskyard.models import JOB_TABLE, Missed, Overlap, Schedule
from taskyard.payload import clean_text
from taskyard.states import FINISHED, JobState

from .calls import Call, call_of
from .missed import Turn, turn
from .times import moment_of, rule_for, stored

logger = logging.getLogger(__name__)

REST = 10.0
"""Seconds until a schedule at fault is tried again by the same process. Its slots stay: another process may
have newer code and fire them."""

PATIENCE = 0.25
"""Seconds that schedules are left to the dispatcher that has them in its hands."""

_states = ", ".join(f"'{state.value}'" for state in JobState if state not in FINISHED)

UNFINISHED = (
    f"SELECT DISTINCT schedule_id FROM {JOB_TABLE} WHERE schedule_id IN ({{}}) AND state IN ({_states})"
)
"""By hand, because SQLite finds the index on unfinished jobs only where the states are no parameters."""

_resting: dict[int, float] = {}
"""Schedules that this process leaves alone, and until when by its monotonic clock."""


def fire_due(limit: int = 50) -> int:
    """Enqueue the jobs of schedules whose slot has come, and return how many schedules were taken up.

    Args:
        limit: the most to take up, in one transaction; what is left is due at once by `seconds_until_next`.
    """
    due_in = seconds_until_next()
    if due_in is None or due_in > 0:
        return 0
    alias = jobs_alias()
    with explained_errors(), transaction.atomic(using=alias):
        now = database_time(connections[alias])
        schedules = _take(alias, now, limit)
        busy = _with_unfinished_jobs(alias, schedules)
        for schedule in schedules:
            _fire_or_rest(alias, schedule, moment_of(now), is_busy=schedule.pk in busy)
        if not schedules:
            _leave_alone(_due(alias, now).values_list("pk", flat=True), PATIENCE)
    return len(schedules)


def seconds_until_next() -> float | None:
    """Return the seconds until a schedule is due: 0 or less: now; None: none will be."""
    with explained_errors():
        first = (
            _awake(jobs_alias())
            .order_by(F("next_slot").asc(nulls_first=True))
            .values_list("next_slot", DatabaseNow())
            .first()
        )
    if first is None:
        return _until_rests_are_over()
    next_slot, now = first
    return 0.0 if next_slot is None else float((next_slot - now).total_seconds())


def _awake(alias: str) -> QuerySet[Schedule]:
    now = time.monotonic()
    for pk in [pk for pk, until in list(_resting.items()) if until <= now]:
        _resting.pop(pk, None)
    return Schedule.objects.using(alias).filter(paused_at=None).exclude(pk__in=list(_resting))


def _until_rests_are_over() -> float | None:
    ends = list(_resting.values())
    return max(0.0, min(ends) - time.monotonic()) if ends else None


def _take(alias: str, now: datetime, limit: int) -> list[Schedule]:
    """Take due schedules; those in others' hands are passed over."""
    skip_locked = connections[alias].features.has_select_for_update_skip_locked
    due = _due(alias, now).select_for_update(skip_locked=skip_locked)
    return list(due.order_by("next_slot", "pk")[:limit])


def _due(alias: str, now: datetime) -> QuerySet[Schedule]:
    """Return the schedules whose slot has come, and those whose next slot nobody has reckoned."""
    return _awake(alias).filter(Q(next_slot__lte=now) | Q(next_slot=None))


def _leave_alone(pks: Iterable[int], seconds: float) -> None:
    until = time.monotonic() + seconds
    _resting.update(dict.fromkeys(pks, until))


def _with_unfinished_jobs(alias: str, schedules: Sequence[Schedule]) -> set[int]:
    """Return those of the schedules that want to know, because two jobs of theirs must not overlap."""
    asking = [schedule.pk for schedule in schedules if schedule.overlap == Overlap.SKIP]
    if not asking:
        return set()
    marks = ", ".join(["%s"] * len(asking))
    return {pk for (pk,) in run(connections[alias], UNFINISHED.format(marks), asking)}


# --- one schedule ---


def _fire_or_rest(alias: str, schedule: Schedule, now: datetime, *, is_busy: bool) -> None:
    try:
        # A savepoint, so that one row which the database does not take leaves the others alone.
        with transaction.atomic(using=alias):
            _fire(alias, schedule, now, is_busy=is_busy)
    except (DataError, IntegrityError) as error:
        _rest(alias, schedule, error)
    except DatabaseError:
        raise
    except Exception as error:  # tasks' modules may raise anything
        _rest(alias, schedule, error)


def _fire(alias: str, schedule: Schedule, now: datetime, *, is_busy: bool) -> None:
    rule, call = rule_for(schedule), call_of(schedule)
    if schedule.next_slot is None:
        _move_on(alias, schedule, Turn([], next(rule.after(now))), {"fault": ""})
        return
    planned = turn(
        rule,
        Missed(schedule.missed),
        schedule.catch_up_window,
        pending=moment_of(schedule.next_slot),
        now=now,
    )
    slots = planned.slots
    if schedule.overlap == Overlap.SKIP:
        slots = [] if is_busy else slots[:1]
        if given_up := len(planned.slots) - len(slots):
            logger.info(
                "Schedule %r skips %d slots: an earlier job is not finished.", schedule.name, given_up
            )
    changes: dict[str, Any] = {"fault": ""}
    if slots:
        changes |= {
            "last_slot": stored(slots[-1]),
            "last_fired_at": stored(now),
            "lateness": now - slots[-1],
        }
    if _move_on(alias, schedule, planned, changes) and slots:
        _enqueue(call, schedule, slots)


def _move_on(alias: str, schedule: Schedule, planned: Turn, changes: dict[str, Any]) -> bool:
    """Move a schedule on to its next slot; False where somebody else did, on databases that lock no rows."""
    unmoved = Schedule.objects.using(alias).filter(pk=schedule.pk, next_slot=schedule.next_slot)
    return bool(unmoved.update(next_slot=stored(planned.next_slot), **changes))


def _enqueue(call: Call, schedule: Schedule, slots: Sequence[datetime]) -> None:
    jobs = call.new_jobs(schedule, len(slots))
    for job, slot in zip(jobs, slots, strict=True):
        job.slot = stored(slot)
        if schedule.jitter:
            job.run_after = stored(slot + random.random() * schedule.jitter)  # noqa: S311 - no secret
    call.backend.enqueue_jobs(call.task, jobs)


def _rest(alias: str, schedule: Schedule, error: Exception) -> None:
    """Note why a schedule cannot fire, log it where that is news, and leave it alone for a while."""
    _leave_alone([schedule.pk], REST)
    fault = clean_text(str(error) or type(error).__name__)
    row = Schedule.objects.using(alias).filter(pk=schedule.pk)
    if row.exclude(fault=fault).update(fault=fault):
        explains_itself = isinstance(error, ValueError) and error.__cause__ is None
        logger.error(
            "Schedule %r cannot fire: %s", schedule.name, fault, exc_info=None if explains_itself else error
        )

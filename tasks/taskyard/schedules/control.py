"""What operators do with schedules, beside editing them."""

from collections.abc import Iterable
from datetime import datetime
from itertools import islice

from asgiref.sync import sync_to_async
from django.db import connections
from django.db.models import QuerySet

from taskyard.compat import TaskResult
from taskyard.database import DatabaseNow, database_time, explained_errors, jobs_alias
from taskyard.models import Schedule

from .calls import ScheduleFault, call_of
from .synchronising import VANISHED
from .times import moment_of, rule_for, stored


def pause(names: Iterable[str]) -> int:
    """Let schedules fire no more, and return how many did until now. Jobs they brought about go on."""
    with explained_errors():
        return _named(names).filter(paused_at=None).update(paused_at=DatabaseNow())


def resume(names: Iterable[str]) -> int:
    """Let paused schedules fire from now on, and return how many were paused.

    The slots of the pause were not missed but unwanted: none of them is caught up. A schedule
    that the code declares no longer becomes one made by hand.
    """
    with explained_errors():
        _named(names).filter(fault=VANISHED).update(declared=None)
        return _named(names).exclude(paused_at=None).update(paused_at=None, next_slot=None, fault="")


def move(names: Iterable[str], source: str, target: str) -> int:
    """Have schedules that name one backend enqueue on another, and return how many did name it.

    Those that name none enqueue where their task does. Jobs they brought about stay where they are.

    Raises:
        ScheduleFault: where the other backend does not take a schedule's jobs; none is changed then.
    """
    with explained_errors():
        moved = list(_named(names).filter(backend=source))
        for schedule in moved:
            schedule.backend = target
            try:
                call_of(schedule)
            except ScheduleFault as fault:
                raise ScheduleFault(f"{schedule.name} cannot be moved to {target!r}: {fault}") from fault
        return _named(schedule.name for schedule in moved).filter(backend=source).update(backend=target)


def run_now(name: str) -> TaskResult:
    """Enqueue a schedule's job at once, beside its slots, even if it is paused.

    Raises:
        Schedule.DoesNotExist: where there is none of this name.
        ScheduleFault: where it cannot fire.
    """
    with explained_errors():
        schedule = Schedule.objects.using(jobs_alias()).get(name=name)
    call = call_of(schedule)
    [result] = call.backend.enqueue_jobs(call.task, call.new_jobs(schedule, 1))
    return result


def next_runs(schedule: Schedule, count: int = 5) -> list[datetime]:
    """Return the next slots of a schedule, saved or not, as if it were not paused.

    Raises:
        ValueError: where its times are not to be understood, saying why.
    """
    now = moment_of(database_time(connections[jobs_alias()]))
    return [stored(slot) for slot in islice(rule_for(schedule).after(now), count)]


apause = sync_to_async(pause)
aresume = sync_to_async(resume)
amove = sync_to_async(move)
arun_now = sync_to_async(run_now)
anext_runs = sync_to_async(next_runs)


def _named(names: Iterable[str]) -> QuerySet[Schedule]:
    return Schedule.objects.using(jobs_alias()).filter(name__in=list(names))

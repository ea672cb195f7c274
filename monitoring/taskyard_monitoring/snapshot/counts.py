"""How many jobs there are in each state, counted so that a full table costs little more than an empty one."""

import threading
import time
from collections.abc import Callable, Iterable

from django.db.models import Count, Q

from taskyard.database import DatabaseNow, jobs_alias, jobs_connection, run
from taskyard.models import JOB_TABLE, Job
from taskyard.operating.counting import CAP, Capped, capped
from taskyard.operating.queues import QueueStatus
from taskyard.states import JobState

NEWEST = 30_000
"""Among how many of the newest jobs those are counted that succeeded. They have no index by state, being so
many: where others outnumber them, only this part of the table is looked at."""

PART = 1 / 3000
"""The part of its time that a database is to spend on counting the jobs of one finished state: many are
counted less often than few, down to every `SELDOM` seconds."""

SELDOM = 30.0


def counts(queues: Iterable[QueueStatus], running: int) -> dict[str, Capped]:
    """Return the counts by what people call the states.

    Args:
        queues: as they stand, with how many jobs wait in each.
        running: how many jobs run.
    """
    scheduled, retrying, undelivered = _later()
    return {
        "waiting": Capped(min(CAP, sum(queue.waiting for queue in queues) + undelivered)),
        "scheduled": scheduled,
        "retrying": retrying,
        "running": Capped(min(CAP, running)),
        **{name: each.count() for name, each in _finished.items()},
    }


def _later() -> tuple[Capped, Capped, int]:
    """Count what is not with its engine: what waits for its time, for its next attempt, and for delivery."""
    undelivered = Job.objects.using(jobs_alias()).filter(state=JobState.READY, delivered_at=None)
    is_later = Q(due_at__gt=DatabaseNow())
    found = undelivered.order_by()[:CAP].aggregate(
        all=Count("pk"),
        scheduled=Count("pk", filter=is_later & Q(attempt=0)),
        retrying=Count("pk", filter=is_later & Q(attempt__gt=0)),
    )
    scheduled, retrying = found["scheduled"], found["retrying"]
    rest = found["all"] - scheduled - retrying
    if found["all"] == CAP:  # there may be more; most likely of what there is most
        scheduled, retrying = (CAP, retrying) if scheduled >= retrying else (scheduled, CAP)
    return Capped(scheduled), Capped(retrying), rest


class _Count:
    """A count that stands the longer the longer it took: see `PART`."""

    def __init__(self, ask: Callable[[], Capped]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """Count anew when asked next."""
        self._latest = Capped(0)
        self._stands_until = 0.0

    def count(self) -> Capped:
        """Return the count."""
        with self._lock:
            begun = time.monotonic()
            if begun >= self._stands_until:
                self._latest = self._ask()
                took = time.monotonic() - begun
                self._stands_until = begun + min(took / PART, SELDOM)
            return self._latest


def _in_state(state: JobState) -> Callable[[], Capped]:
    return lambda: capped(Job.objects.using(jobs_alias()).filter(state=state))


def _successful() -> Capped:
    [(count,)] = run(
        jobs_connection(),
        f"SELECT COUNT(*) FROM (SELECT 1 FROM (SELECT state FROM {JOB_TABLE} ORDER BY id DESC "
        f"LIMIT {NEWEST}) AS newest WHERE state = '{JobState.SUCCESSFUL.value}' LIMIT {CAP}) AS found",
        [],
    )
    return Capped(count)


_finished = {
    "failed": _Count(_in_state(JobState.FAILED)),
    "cancelled": _Count(_in_state(JobState.CANCELLED)),
    "successful": _Count(_successful),
}


def forget() -> None:
    """Count all anew when asked next."""
    for each in _finished.values():
        each.forget()

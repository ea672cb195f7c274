"""The snapshot, and who takes it when."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from taskyard.database import database_time, explained_errors, jobs_alias, jobs_connection
from taskyard.models import Schedule
from taskyard.operating.counting import Capped
from taskyard.operating.queues import QueueStatus, queue_statuses
from taskyard.schedules.showing import shown_condition
from taskyard_monitoring.history.charting import Rate, rates
from taskyard_workers.fleet import WorkerStatus, worker_statuses

from . import counts, engines
from .engines import Danger, EngineNow
from .health import LATE, Health, Lateness, health
from .running import RunningJob, running_jobs

MOST_SCHEDULES = 1_000

SHARE = 1 / 400
"""The part of its time that a database is to spend on a process's snapshots: where their statements take
long, they are taken less often than asked for, down to every `LONGEST_PAUSE` seconds."""

LONGEST_PAUSE = 6.0


@dataclass(frozen=True, slots=True)
class QueueNow:
    """A queue of a backend."""

    status: QueueStatus
    depth: int | None
    """Messages in the engine; None where that is not known."""

    rate: Rate
    """What finished in the last five minutes."""


@dataclass(frozen=True, slots=True)
class WorkerNow:
    """A worker process."""

    status: WorkerStatus
    jobs: tuple[RunningJob, ...]
    """What it runs, the longest running first."""


@dataclass(frozen=True, slots=True)
class ScheduleNow:
    """A schedule."""

    schedule: Schedule
    condition: str
    """active, paused or faulty."""

    overdue: float
    """Seconds since its next slot has passed; 0 where it has not, and where the schedule is paused."""

    @property
    def is_late(self) -> bool:
        """Whether it should have fired by now."""
        return self.overdue > LATE


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What all pages show of the present."""

    at: datetime
    """By the database's clock."""

    health: Health
    counts: dict[str, Capped]
    """By what people call states: waiting, scheduled, retrying, running, failed, cancelled, successful."""

    queues: tuple[QueueNow, ...]
    workers: tuple[WorkerNow, ...]
    running: tuple[RunningJob, ...]
    """The longest running first."""

    schedules: tuple[ScheduleNow, ...]
    engines: tuple[EngineNow, ...]
    dangers: tuple[Danger, ...]
    """In settings that are no engine's own."""


def take() -> Snapshot:
    """Take a snapshot, by a number of statements that does not grow with the number of jobs.

    Raises:
        NotMigrated: where a table is missing.
        DatabaseError: where the database does not answer.
    """
    with explained_errors():
        now = database_time(jobs_connection())
        workers = worker_statuses()
        silent = {worker.process.pk for worker in workers if worker.state != "alive"}
        running = running_jobs(now, silent, {worker.process.pk for worker in workers})
        queues = queue_statuses()
        schedules = _schedules(now)
        lately = rates()
        known = engines.engines()
        return Snapshot(
            at=now,
            health=health(
                now,
                queues,
                workers,
                lately,
                sum(job.is_stuck for job in running),
                [Lateness(each.schedule.name, each.overdue, each.schedule.fault) for each in schedules],
                known,
            ),
            counts=counts.counts(queues, len(running)),
            queues=tuple(
                QueueNow(queue, _depth(queue, known), lately.queues.get((queue.backend, queue.name), Rate()))
                for queue in queues
            ),
            workers=tuple(
                WorkerNow(worker, tuple(job for job in running if job.worker == worker.process.pk))
                for worker in workers
            ),
            running=tuple(running),
            schedules=tuple(schedules),
            engines=tuple(known),
            dangers=engines.site_dangers(),
        )


def _schedules(now: datetime) -> list[ScheduleNow]:
    found = Schedule.objects.using(jobs_alias()).order_by("name")[:MOST_SCHEDULES]
    return [ScheduleNow(schedule, shown_condition(schedule), _overdue(schedule, now)) for schedule in found]


def _overdue(schedule: Schedule, now: datetime) -> float:
    if schedule.paused_at is not None or schedule.fault or schedule.next_slot is None:
        return 0.0
    return max(0.0, (now - schedule.next_slot).total_seconds())


def _depth(queue: QueueStatus, known: list[EngineNow]) -> int | None:
    for engine in known:
        if engine.alias == queue.backend:
            if not engine.has_broker:
                return int(queue.waiting)
            return engine.depths.get(queue.name, 0) if engine.is_reachable else None
    return None


class _Camera:
    """Takes the snapshots of this process, one at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latest: Snapshot | None = None
        self._taken_at = 0.0
        self._cost = 0.0

    def snapshot(self, max_age: float) -> Snapshot:
        with self._lock:
            age = time.monotonic() - self._taken_at
            if self._latest is None or age > max(max_age, min(self._cost / SHARE, LONGEST_PAUSE)):
                self._cost = 0.0
                connection = jobs_connection()
                connection.ensure_connection()  # else who wraps statements of new connections gets mixed up
                with connection.execute_wrapper(self._execute):
                    self._latest = take()
                self._taken_at = time.monotonic()
            return self._latest

    def _execute(self, execute: Callable[..., Any], *statement: Any) -> Any:
        begun = time.monotonic()
        try:
            return execute(*statement)
        finally:
            self._cost += time.monotonic() - begun

    def forget(self) -> None:
        with self._lock:
            self._latest = None


_camera = _Camera()


def snapshot(max_age: float = 2.0) -> Snapshot:
    """Return the present, at most so many seconds old, unless to look is expensive; see `SHARE`. Thread-safe.

    Raises:
        NotMigrated: where a table is missing.
        DatabaseError: where the database does not answer.
    """
    return _camera.snapshot(max_age)


def forget() -> None:
    """Have the next snapshot taken anew: somebody has just changed what it shows, and wants to see it."""
    counts.forget()
    _camera.forget()

"""Whether all is well, in the six signs of the health strip. These are the rules:

| sign      | good         | warning                              | bad                                     |
|-----------|--------------|--------------------------------------|-----------------------------------------|
| waiting   | less         | a job waits for over a minute        | one waits for over ten minutes, or over |
|           |              |                                      | 15 s in a queue that no worker serves   |
| failures  | less, or too | 5 % or more failed in the last five  | 25 % or more did                        |
|           | few to tell  | minutes, or in the last hour         |                                         |
| stuck     | none         | a job runs a minute longer than its  | ten jobs do                             |
|           |              | timeout; or, without one, over an    |                                         |
|           |              | hour under a silent worker           |                                         |
| workers   | all alive    | one is silent, or was lost within    | none is alive, and there is work or one |
|           |              | ten minutes; or none is there        | is silent or was lost within that time  |
| schedules | all in time  | one is a minute late, or at fault    | one is ten minutes late                 |
| brokers   | all answer   |                                      | one is out of reach                     |

Jobs in paused queues wait because somebody wants them to, and paused schedules are not late: neither counts.
Fewer than `FEWEST` jobs say nothing about failures. A queue is served by every worker of its backend that is
not lost and is not started for other queues alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from taskyard.operating.presenting import span
from taskyard.operating.queues import QueueStatus
from taskyard_monitoring.history.charting import Rate, Rates
from taskyard_workers.fleet import WorkerStatus

from .engines import EngineNow

Level = Literal["good", "warning", "bad"]

LEVELS: tuple[Level, ...] = ("good", "warning", "bad")
"""The better before the worse."""

LONG_WAIT, TOO_LONG_WAIT = 60.0, 600.0
LATE, TOO_LATE = 60.0, 600.0
"""Seconds."""

MANY_FAILURES, TOO_MANY_FAILURES = 0.05, 0.25
FEWEST = 20
MANY_STUCK = 10
LONG_UNSERVED = 15.0
LOST_LATELY = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Sign:
    """One figure of the health strip."""

    name: str
    """waiting, failures, stuck, workers, schedules or brokers."""

    level: Level
    words: str
    """What an operator is to know, in a few words."""


@dataclass(frozen=True, slots=True)
class Health:
    """Whether all is well."""

    oldest_waiting: float | None
    """Seconds that the job waits that has been waiting longest, paused queues left out; None: none waits."""

    oldest_waiting_queue: str
    failure_ratio_5m: float | None
    failure_ratio_1h: float | None
    """Which part failed, 0 to 1; None where nothing finished."""

    stuck: int
    workers_alive: int
    workers_silent: int
    workers_lost: int
    late_schedules: int
    signs: tuple[Sign, ...]

    @property
    def worst(self) -> Sign:
        """The sign that most needs looking at; the first of several."""
        return max(self.signs, key=lambda sign: LEVELS.index(sign.level))

    @property
    def level(self) -> Level:
        """The worst of all signs' levels."""
        return self.worst.level

    @property
    def words(self) -> str:
        """What is worst, or that all is well."""
        return "All is well" if self.level == "good" else self.worst.words


@dataclass(frozen=True, slots=True)
class Lateness:
    """What health must know of a schedule."""

    name: str
    overdue: float
    """Seconds since its next slot has passed; 0 where it has not, and where the schedule is paused."""

    fault: str


def health(
    now: datetime,
    queues: Sequence[QueueStatus],
    workers: Sequence[WorkerStatus],
    rates: Rates,
    stuck: int,
    schedules: Iterable[Lateness],
    engines: Iterable[EngineNow],
) -> Health:
    """Judge the present.

    Args:
        now: by the database's clock.
        queues: of all backends.
        workers: all in the register.
        rates: of the last five minutes and the last hour.
        stuck: how many running jobs are.
        schedules: all there are.
        engines: behind the backends.
    """
    waits = [
        ((now - queue.oldest).total_seconds(), queue)
        for queue in queues
        if queue.oldest is not None and queue.paused is None
    ]
    oldest, where = max(waits, key=lambda wait: wait[0], default=(None, None))
    states = [worker.state for worker in workers]
    schedules = list(schedules)
    return Health(
        oldest_waiting=None if oldest is None else max(0.0, oldest),
        oldest_waiting_queue="" if where is None else where.name,
        failure_ratio_5m=rates.five_minutes.failure_ratio,
        failure_ratio_1h=rates.hour.failure_ratio,
        stuck=stuck,
        workers_alive=states.count("alive"),
        workers_silent=states.count("silent"),
        workers_lost=states.count("lost"),
        late_schedules=sum(schedule.overdue > LATE for schedule in schedules),
        signs=(
            _waiting(waits, workers),
            _failures(rates),
            _stuck(stuck),
            _workers(workers, now, has_work=bool(waits)),
            _schedules(schedules),
            _brokers(engines),
        ),
    )


def _waiting(waits: Sequence[tuple[float, QueueStatus]], workers: Sequence[WorkerStatus]) -> Sign:
    unserved = [
        queue.name for wait, queue in waits if wait > LONG_UNSERVED and not _is_served(queue, workers)
    ]
    if unserved:
        return Sign("waiting", "bad", f"No worker serves {_some(unserved)}")
    seconds, queue = max(waits, key=lambda wait: wait[0], default=(0.0, None))
    if queue is None:
        return Sign("waiting", "good", "No job waits")
    words = f"{queue.name}: oldest waits {_span(seconds)}"
    return Sign("waiting", _level(seconds, LONG_WAIT, TOO_LONG_WAIT), words)


def _is_served(queue: QueueStatus, workers: Iterable[WorkerStatus]) -> bool:
    return any(
        worker.state != "lost"
        and worker.process.backend == queue.backend
        and (not worker.process.queues or queue.name in worker.process.queues)
        for worker in workers
    )


def _failures(rates: Rates) -> Sign:
    def judged(rate: Rate) -> Level:
        if rate.succeeded + rate.failed < FEWEST or rate.failure_ratio is None:
            return "good"
        return (
            "bad"
            if rate.failure_ratio >= TOO_MANY_FAILURES
            else "warning"
            if rate.failure_ratio >= MANY_FAILURES
            else "good"
        )

    def words(rate: Rate, length: str) -> str:
        return f"{rate.failure_ratio or 0:.1%} failed in {length}"

    lately, before = judged(rates.five_minutes), judged(rates.hour)
    if LEVELS.index(before) > LEVELS.index(lately):
        return Sign("failures", before, words(rates.hour, "1 h"))
    if rates.five_minutes.failure_ratio is None:
        return Sign("failures", lately, "Nothing finished in 5 min")
    return Sign("failures", lately, words(rates.five_minutes, "5 min"))


def _stuck(stuck: int) -> Sign:
    if not stuck:
        return Sign("stuck", "good", "No job is stuck")
    level: Level = "bad" if stuck >= MANY_STUCK else "warning"
    return Sign("stuck", level, "1 job is stuck" if stuck == 1 else f"{stuck} jobs are stuck")


def _workers(workers: Sequence[WorkerStatus], now: datetime, *, has_work: bool) -> Sign:
    alive = [worker for worker in workers if worker.state == "alive"]
    silent = [worker.process.name for worker in workers if worker.state == "silent"]
    lost = [
        worker.process.name
        for worker in workers
        if worker.process.lost_at is not None and now - worker.process.lost_at < LOST_LATELY
    ]
    if not alive:
        words = "No worker is alive"
        return Sign("workers", "bad" if has_work or silent or lost else "warning", words)
    if silent:
        return Sign("workers", "warning", f"{len(alive)} alive, {_some(silent)} silent")
    if lost:
        return Sign("workers", "warning", f"{len(alive)} alive, {_some(lost)} lost")
    return Sign("workers", "good", f"{len(alive)} alive")


def _schedules(schedules: Sequence[Lateness]) -> Sign:
    late = max(schedules, key=lambda schedule: schedule.overdue, default=None)
    if late is not None and late.overdue > LATE:
        level = _level(late.overdue, LATE, TOO_LATE)
        return Sign("schedules", level, f"{late.name} is {_span(late.overdue)} late")
    faulty = [schedule.name for schedule in schedules if schedule.fault]
    if faulty:
        return Sign("schedules", "warning", f"{_some(faulty)} cannot fire")
    return Sign("schedules", "good", "All in time" if schedules else "None")


def _brokers(engines: Iterable[EngineNow]) -> Sign:
    out = [engine.alias for engine in engines if engine.is_reachable is False]
    if out:
        return Sign("brokers", "bad", f"The broker of {_some(out)} is out of reach")
    return Sign("brokers", "good", "All answer")


def _level(number: float, warning: float, bad: float) -> Level:
    return "bad" if number > bad else "warning" if number > warning else "good"


def _some(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _span(seconds: float) -> str:
    return span(timedelta(seconds=seconds))

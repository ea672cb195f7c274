"""Every metric that Taskyard exports: the one place for its name, its labels and what it means.

Seconds, bytes and plain counts; counters end in `_total`. Never a job's id or its arguments in a label:
each value of a label is a time series.

What processes count themselves comes from each process; what is read from the database comes from one place
alone, the site's own `/metrics`, or sums over all would count it many times.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "gauge", "histogram"]

PREFIX = "taskyard_"

JOB = ("engine", "queue", "task")
"""The labels of what happens to jobs."""

QUEUE = ("engine", "queue")

FAST = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
"""Seconds: the upper bounds of the histograms' buckets, from a mail to a night's batch."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric, as Prometheus sees it."""

    name: str
    """With prefix, and with `_total` where it is a counter."""

    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


def _counter(name: str, explanation: str, labels: tuple[str, ...] = JOB) -> Metric:
    return Metric(f"{PREFIX}{name}_total", "counter", explanation, labels)


def _histogram(name: str, explanation: str) -> Metric:
    return Metric(f"{PREFIX}{name}_seconds", "histogram", explanation, JOB, FAST)


def _gauge(name: str, explanation: str, labels: tuple[str, ...] = ()) -> Metric:
    return Metric(f"{PREFIX}{name}", "gauge", explanation, labels)


# --- counted by the process in which it happens ---

ENQUEUED = _counter("enqueued", "Jobs that were enqueued.")
STARTED = _counter("started", "Attempts that began.")
FINISHED = _counter(
    "finished", "Jobs that finished, by outcome: succeeded, failed or cancelled.", (*JOB, "outcome")
)
RETRIED = _counter("retried", "Failed attempts after which the job is tried again.")
RESCUED = _counter("rescued", "Jobs taken from dead workers, to run again.")
FAILURES = _counter("failed_attempts", "Attempts that failed, by class of the error.", (*JOB, "exception"))
RUN = _histogram("run", "How long attempts ran, to the recording of their outcome.")
QUEUE_WAIT = _histogram("queue_wait", "How long jobs waited for a worker from when they could have run.")
END_TO_END = _histogram("end_to_end", "From when a job could have run to its end, all attempts included.")
DISPATCHER_ROUNDS = _counter("dispatcher_rounds", "Rounds that dispatchers have made.", ())

COUNTED = (
    *(ENQUEUED, STARTED, FINISHED, RETRIED, RESCUED, FAILURES),
    *(RUN, QUEUE_WAIT, END_TO_END, DISPATCHER_ROUNDS),
)

# --- read from the database, in one place ---

JOBS = _gauge(
    "jobs",
    "Jobs by state: waiting, scheduled, running or failed. No more than 10,000 are counted.",
    (*QUEUE, "state"),
)
OLDEST_WAITING = _gauge("oldest_waiting_age_seconds", "How long a queue's oldest waiting job waits.", QUEUE)
LONGEST_RUNNING = _gauge("longest_running_seconds", "How long a task's longest running attempt runs.", JOB)
QUEUE_DEPTH = _gauge("queue_depth", "Messages that wait in an engine's own queue.", QUEUE)
QUEUE_PAUSED = _gauge("queue_paused", "1 where an operator has paused the queue.", ("queue",))
WORKERS = _gauge("workers", "Worker processes by state: alive, silent or lost.", ("engine", "state"))
WORKER_HEARTBEAT = _gauge(
    "worker_last_heartbeat_timestamp_seconds", "A worker process's latest sign of life.", ("engine", "worker")
)
SLOTS = _gauge("slots", "Jobs that living workers can run at once.", ("engine",))
SLOTS_BUSY = _gauge("slots_busy", "Jobs that living workers run now.", ("engine",))
SCHEDULE_LAST_SUCCESS = _gauge(
    "schedule_last_success_timestamp_seconds", "When a schedule's job last succeeded.", ("schedule",)
)
SCHEDULE_LATENESS = _gauge(
    "schedule_lateness_seconds", "From a schedule's latest slot to the job it brought about.", ("schedule",)
)
SCHEDULE_OVERDUE = _gauge(
    "schedule_overdue_seconds", "For how long a schedule's next slot is past; 0 where none is.", ("schedule",)
)
SCHEDULE_PAUSED = _gauge("schedule_paused", "1 where an operator has paused the schedule.", ("schedule",))
OUTBOX_PENDING = _gauge("outbox_pending", "Jobs that are due and not delivered to their engine.", ("engine",))
OUTBOX_OLDEST = _gauge("outbox_oldest_age_seconds", "How long the oldest of them is due.", ("engine",))
UP = _gauge("database_up", "1 where the jobs' database answered in time.")
BUILD = _gauge("build_info", "Always 1; the label tells the version.", ("version",))

READ = (
    *(JOBS, OLDEST_WAITING, LONGEST_RUNNING, QUEUE_DEPTH, QUEUE_PAUSED, WORKERS, WORKER_HEARTBEAT),
    *(SLOTS, SLOTS_BUSY, SCHEDULE_LAST_SUCCESS, SCHEDULE_LATENESS, SCHEDULE_OVERDUE, SCHEDULE_PAUSED),
    *(OUTBOX_PENDING, OUTBOX_OLDEST, UP, BUILD),
)

METRICS = (*COUNTED, *READ)

"""Counting what happens in this process, where it happens.

Receivers of signals that come with each and every job: they only count in memory (or in the mapped file of
a process among several), and never ask the database.

All counters of a task come into being at 0 with the first thing that happens to it: Prometheus sees no
increase in a counter that is born as 1, and so would miss the first failure.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from prometheus_client import Counter, Histogram

from taskyard import history
from taskyard.backend import JobBackend
from taskyard.compat import TaskResult, task_enqueued
from taskyard.current import current_job
from taskyard.models import Job
from taskyard.run import Run
from taskyard.signals import attempt_ended, attempt_started, job_cancelled, job_rescued
from taskyard.states import Event
from taskyard.transitions import Outcome
from taskyard_monitoring.history.waiting import seconds_waited
from taskyard_workers.signals import dispatcher_round, job_given_up

from . import names
from .names import Metric

OUTCOMES = {Event.SUCCEED: "succeeded", Event.FAIL: "failed", Event.CANCEL: "cancelled"}
"""What the label `outcome` says of the ends that a job may have."""


def _counter(metric: Metric) -> Counter:
    return Counter(metric.name, metric.help, metric.labels)


def _histogram(metric: Metric) -> Histogram:
    return Histogram(metric.name, metric.help, metric.labels, buckets=metric.buckets)


_enqueued = _counter(names.ENQUEUED)
_started = _counter(names.STARTED)
_finished = _counter(names.FINISHED)
_retried = _counter(names.RETRIED)
_rescued = _counter(names.RESCUED)
_failures = _counter(names.FAILURES)
_run = _histogram(names.RUN)
_queue_wait = _histogram(names.QUEUE_WAIT)
_end_to_end = _histogram(names.END_TO_END)
_rounds = _counter(names.DISPATCHER_ROUNDS)


@dataclass(frozen=True, slots=True)
class _Attempts:
    """The instruments of one task's attempts on one queue."""

    started: Counter
    retried: Counter
    run: Histogram
    queue_wait: Histogram
    end_to_end: Histogram
    finished: dict[str, Counter]


# Looking a child up by its labels costs more than counting. There are as many as there are series.
@cache
def _attempts(engine: str, queue: str, task: str) -> _Attempts:
    labels = (engine, queue, task)
    return _Attempts(
        started=_started.labels(*labels),
        retried=_retried.labels(*labels),
        run=_run.labels(*labels),
        queue_wait=_queue_wait.labels(*labels),
        end_to_end=_end_to_end.labels(*labels),
        finished=_ends(*labels),
    )


@cache
def _ends(engine: str, queue: str, task: str) -> dict[str, Counter]:
    return {outcome: _finished.labels(engine, queue, task, outcome) for outcome in OUTCOMES.values()}


@cache
def _enqueueing(engine: str, queue: str, task: str) -> Counter:
    return _enqueued.labels(engine, queue, task)


def _attempts_of(run: Run) -> _Attempts:
    return _attempts(run.backend.engine, run.job.queue, run.job.task)


# --- what is counted ---


def _count_enqueued(sender: type, task_result: TaskResult, **_: Any) -> None:
    if issubclass(sender, JobBackend):  # and not one of Django's own
        task = task_result.task
        _enqueueing(sender.engine, task.queue_name, task.module_path).inc()


def _count_started(run: Run, **_: Any) -> None:
    of_task = _attempts_of(run)
    of_task.started.inc()
    of_task.queue_wait.observe(seconds_waited(run.job))


def _count_ended(run: Run, outcome: Outcome | None, **_: Any) -> None:
    if outcome is None or outcome.event == Event.RELEASE:
        return  # the job was no longer this process's, or was handed back as if it had never begun
    of_task, ended_at = _attempts_of(run), run.ended_at()
    began = run.job.last_attempted_at
    if began is not None and ended_at is not None:
        of_task.run.observe((ended_at - began).total_seconds())
    if outcome.event == Event.RETRY:
        of_task.retried.inc()
    if outcome.event in (Event.RETRY, Event.FAIL):
        _count_failure(run, outcome)
    if outcome.event in OUTCOMES:
        of_task.finished[OUTCOMES[outcome.event]].inc()
        if ended_at is not None:
            of_task.end_to_end.observe(max(0.0, (ended_at - wanted_at(run.job)).total_seconds()))


def _count_failure(run: Run, outcome: Outcome) -> None:
    error = outcome.history[-1].get("error", {})
    name = error.get("type", "").rpartition(".")[2]
    _failures.labels(run.backend.engine, run.job.queue, run.job.task, name).inc()


def _count_given_up(run: Run, outcome: Outcome, **_: Any) -> None:
    _ends(run.backend.engine, run.job.queue, run.job.task)["failed"].inc()
    _count_failure(run, outcome)


def _count_rescued(sender: type[JobBackend], task_result: TaskResult, **_: Any) -> None:
    task = task_result.task
    _rescued.labels(sender.engine, task.queue_name, task.module_path).inc()


def _count_cancelled(sender: type[JobBackend], task_result: TaskResult, **_: Any) -> None:
    job = current_job()
    if job is not None and job.id == task_result.id:
        return  # it ran, and the end of its attempt is counted
    task = task_result.task
    _ends(sender.engine, task.queue_name, task.module_path)["cancelled"].inc()


def _count_round(**_: Any) -> None:
    _rounds.inc()


def wanted_at(job: Job) -> datetime:
    """Return since when somebody wants the job done: as enqueued, or as last requeued by an operator."""
    for entry in reversed(job.history()):
        if entry.get("outcome") == history.REQUEUED:
            return datetime.fromisoformat(entry["ended_at"])
    return max(job.enqueued_at, job.run_after or job.enqueued_at)


_RECEIVERS: tuple[tuple[Any, Callable[..., None]], ...] = (
    (task_enqueued, _count_enqueued),
    (attempt_started, _count_started),
    (attempt_ended, _count_ended),
    (job_given_up, _count_given_up),
    (job_rescued, _count_rescued),
    (job_cancelled, _count_cancelled),
    (dispatcher_round, _count_round),
)


def connect() -> None:
    """Start counting."""
    for signal, receiver in _RECEIVERS:
        signal.connect(receiver)


def disconnect() -> None:
    """Stop counting."""
    for signal, receiver in _RECEIVERS:
        signal.disconnect(receiver)

"""Numbers that are read from the database, in one place: the site's own `/metrics`.

A bounded number of statements, each of them along an index and none counting past 10,000; the answer is good
for a few seconds, so however many scrape, the database is asked once. Where it does not answer, there are no
numbers: old ones would look as if all were well.
"""

import logging
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from datetime import datetime, timedelta

from django.db.models import Min
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

import taskyard
from taskyard.backend import job_backends
from taskyard.database import as_datetime, database_time, dialect_of, jobs_alias, jobs_connection, run
from taskyard.models import JOB_TABLE, Job, Schedule
from taskyard.operating.counting import CAP
from taskyard.operating.queues import QueueStatus, queue_statuses
from taskyard.states import JobState
from taskyard_workers.fleet import WorkerStatus, worker_statuses

from . import names
from .asking import Asked, Recent
from .names import Metric

logger = logging.getLogger(__name__)

GOOD_FOR = 5.0
"""Seconds for which numbers hold."""

TIME_OF_DATABASE = 5.0
"""Seconds after which the database counts as out of reach."""

TIME_OF_BROKERS = 2.0
"""Seconds that all brokers together may take."""

WORKER_STATES = ("alive", "silent", "lost")

Samples = dict[tuple[str, ...], float]
"""Values by their labels."""

Readings = dict[Metric, Samples]

UNKNOWN = "unknown"
"""The engine of a backend that TASKS does not name (any more)."""


class DatabaseGauges(Collector):
    """What the database tells, as Prometheus collects it."""

    def __init__(self) -> None:
        self._question = Asked(_read)
        self._depths = Depths()
        self._recent = Recent(self._readings, GOOD_FOR)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges."""
        for metric, samples in self._recent.get().items():
            family = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
            for labels, value in samples.items():
                family.add_metric(labels, value)
            yield family

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Return the gauges' names, so that registering asks no database."""
        return [GaugeMetricFamily(metric.name, metric.help) for metric in names.READ]

    def _readings(self) -> Readings:
        known: Readings = {names.BUILD: {(taskyard.__version__,): 1.0}}
        self._depths.begin()
        try:
            known |= self._question.answer(TIME_OF_DATABASE)
        except TimeoutError:
            logger.warning("The jobs' database has not answered for %.0f s.", TIME_OF_DATABASE)
        except Exception as error:
            logger.warning("The jobs' database gives no numbers: %s", error)
        return {names.UP: {(): float(names.JOBS in known)}, **known, names.QUEUE_DEPTH: self._depths.read()}


def _read() -> Readings:
    engines = {alias: backend.engine for alias, backend in job_backends().items()}
    now = database_time(jobs_connection())
    queues = queue_statuses()
    return {
        **_of_queues(queues, engines, now),
        names.LONGEST_RUNNING: _longest_running(engines, now),
        **_of_workers(worker_statuses(), engines),
        **_of_schedules(now),
        **_of_outbox(engines, now),
    }


def _of_queues(queues: Iterable[QueueStatus], engines: Mapping[str, str], now: datetime) -> Readings:
    jobs: Counter[tuple[str, ...]] = Counter()
    oldest: Samples = {}
    for each in queues:
        if not each.backend:
            continue  # known only for being paused
        key = (engines.get(each.backend, UNKNOWN), each.name)
        jobs[*key, "waiting"] += each.waiting
        jobs[*key, "scheduled"] += each.later
        jobs[*key, "running"] += each.running
        jobs[*key, "failed"] += 0
        waits = 0.0 if each.oldest is None else _seconds(now - each.oldest)
        oldest[key] = max(waits, oldest.get(key, 0.0))
    for queue, alias, count in _failed():
        jobs[engines.get(alias, UNKNOWN), queue, "failed"] += count
    return {
        names.JOBS: dict(jobs),
        names.OLDEST_WAITING: oldest,
        names.QUEUE_PAUSED: {(each.name,): float(each.paused is not None) for each in queues},
    }


def _failed() -> Iterable[tuple[str, str, int]]:
    """Return the queue and backend of the latest failed jobs, and how many there are of each."""
    statement = (
        f"SELECT queue, backend, COUNT(*) FROM (SELECT queue, backend FROM {JOB_TABLE} "
        f"WHERE state = '{JobState.FAILED.value}' ORDER BY id DESC LIMIT {CAP}) AS failed "
        "GROUP BY queue, backend"
    )
    return ((queue, alias, int(count)) for queue, alias, count in run(jobs_connection(), statement, []))


def _longest_running(engines: Mapping[str, str], now: datetime) -> Samples:
    running = Job.objects.using(jobs_alias()).filter(state=JobState.RUNNING, last_attempted_at__isnull=False)
    samples: Samples = {}
    rows = running.values_list("backend", "queue", "task").annotate(Min("last_attempted_at")).order_by()
    for alias, queue, task, since in rows:
        labels = (engines.get(alias, UNKNOWN), queue, task)
        samples[labels] = max(_seconds(now - since), samples.get(labels, 0.0))
    return samples


def _of_workers(workers: Iterable[WorkerStatus], engines: Mapping[str, str]) -> Readings:
    by_state: Counter[tuple[str, ...]] = Counter()
    slots: Counter[tuple[str, ...]] = Counter()
    busy: Counter[tuple[str, ...]] = Counter()
    beats: Samples = {}
    for engine in engines.values():
        by_state.update({(engine, state): 0 for state in WORKER_STATES})
        slots[engine,] += 0
        busy[engine,] += 0
    for each in workers:
        engine = engines.get(each.process.backend, UNKNOWN)
        by_state[engine, each.state] += 1
        if each.state == "lost":
            continue
        name = (engine, each.process.name)
        beat = each.process.beat_at.timestamp()
        beats[name] = min(beat, beats.get(name, beat))
        if each.state == "alive":
            slots[engine,] += each.process.concurrency
            busy[engine,] += min(each.running, each.process.concurrency)  # some wait, claimed ahead
    return {
        names.WORKERS: dict(by_state),
        names.WORKER_HEARTBEAT: beats,
        names.SLOTS: dict(slots),
        names.SLOTS_BUSY: dict(busy),
    }


def _of_schedules(now: datetime) -> Readings:
    readings: Readings = {
        names.SCHEDULE_LAST_SUCCESS: {},
        names.SCHEDULE_LATENESS: {},
        names.SCHEDULE_OVERDUE: {},
        names.SCHEDULE_PAUSED: {},
    }
    rows = Schedule.objects.using(jobs_alias()).values_list(
        "name", "last_success_at", "lateness", "next_slot", "paused_at"
    )
    for name, success, lateness, slot, paused in rows:
        readings[names.SCHEDULE_PAUSED][name,] = float(paused is not None)
        overdue = _seconds(now - slot) if slot is not None and paused is None else 0.0
        readings[names.SCHEDULE_OVERDUE][name,] = max(0.0, overdue)
        if success is not None:
            readings[names.SCHEDULE_LAST_SUCCESS][name,] = success.timestamp()
        if lateness is not None:
            readings[names.SCHEDULE_LATENESS][name,] = _seconds(lateness)
    return readings


def _of_outbox(engines: Mapping[str, str], now: datetime) -> Readings:
    pending: Counter[tuple[str, ...]] = Counter({(engine,): 0 for engine in engines.values()})
    oldest: Samples = {(engine,): 0.0 for engine in engines.values()}
    connection = jobs_connection()
    statement = (
        f"SELECT backend, COUNT(*), MIN(due_at) FROM (SELECT backend, due_at FROM {JOB_TABLE} "
        f"WHERE state = '{JobState.READY.value}' AND delivered_at IS NULL "
        f"AND due_at <= {dialect_of(connection).now} ORDER BY due_at LIMIT {CAP}) AS due GROUP BY backend"
    )
    for alias, count, since in run(connection, statement, []):
        engine = (engines.get(alias, UNKNOWN),)
        pending[engine] += int(count)
        oldest[engine] = max(_seconds(now - as_datetime(connection, since)), oldest.get(engine, 0.0))
    return {names.OUTBOX_PENDING: dict(pending), names.OUTBOX_OLDEST: oldest}


def _seconds(length: timedelta) -> float:
    return max(0.0, length.total_seconds())


class Depths:
    """How many messages wait in the engines' own queues; an engine that does not answer is left out."""

    def __init__(self) -> None:
        self._asked: dict[str, Asked[dict[str, int]]] = {}
        self._open: dict[str, Future[dict[str, int]]] = {}
        self._until = 0.0

    def begin(self) -> None:
        """Ask all engines at once."""
        self._until = time.monotonic() + TIME_OF_BROKERS
        for alias, backend in job_backends().items():
            if backend.leases_deliveries:  # where not, the table is the queue
                asked = self._asked.setdefault(alias, Asked(backend.queue_depths))
                self._open[alias] = asked.begin()

    def read(self) -> Samples:
        """Return what they have answered by now, and wait for the rest as long as they may take."""
        depths: Counter[tuple[str, ...]] = Counter()
        backends = job_backends()
        for alias, answer in self._open.items():
            backend = backends.get(alias)
            try:
                found = answer.result(max(0.0, self._until - time.monotonic()))
            except Exception as error:
                logger.warning("Cannot tell what waits in the broker of %r: %s", alias, error or "no answer")
                continue
            if backend is not None:
                named = dict.fromkeys(backend.queues, 0) | found
                depths.update({(backend.engine, queue): depth for queue, depth in named.items()})
        return dict(depths)

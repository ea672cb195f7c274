"""The rules by which all is well, or not."""

from datetime import UTC, datetime, timedelta

import pytest

from taskyard.models import PausedQueue
from taskyard.operating.counting import Capped
from taskyard.operating.queues import QueueStatus
from taskyard_monitoring.history.charting import Rate, Rates
from taskyard_monitoring.snapshot.engines import EngineNow
from taskyard_monitoring.snapshot.health import Lateness, health
from taskyard_workers.fleet import WorkerStatus
from taskyard_workers.models import WorkerProcess

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def queue(waits=None, name="mail", *, paused=False):
    """Return a queue whose oldest job waits for so many seconds."""
    return QueueStatus(
        name=name,
        backend="default",
        waiting=Capped(waits is not None),
        oldest=None if waits is None else NOW - timedelta(seconds=waits),
        later=Capped(0),
        running=0,
        paused=PausedQueue(name=name) if paused else None,
    )


def worker(name="ada", *, silent=False, lost=None, queues=(), backend="default"):
    """Return a worker process, perhaps lost so many minutes ago."""
    lost_at = None if lost is None else NOW - timedelta(minutes=lost)
    process = WorkerProcess(id=name, name=name, backend=backend, queues=list(queues), lost_at=lost_at)
    return WorkerStatus(process, running=0, is_silent=silent)


def engine(is_reachable):
    """Return an engine that can or cannot be reached."""
    return EngineNow("celery", "celery", "5.6", True, is_reachable, "", None, None, {}, ())


def judged(queues=(), workers=None, lately=None, hour=None, stuck=0, schedules=(), engines=()):
    """Return the health of a site where all is well but for what is given."""
    rates = Rates(lately or Rate(), hour or lately or Rate(), {})
    fleet = [worker()] if workers is None else workers
    return health(NOW, queues, fleet, rates, stuck, schedules, engines)


WELL = {
    "nothing": {},
    "a short wait": {"queues": [queue(30)]},
    "a paused queue": {"queues": [queue(5000, paused=True)]},
    "few failures": {"lately": Rate(succeeded=100, failed=4)},
    "too few to tell": {"lately": Rate(succeeded=0, failed=19)},
    "lost long ago": {"workers": [worker(), worker("bob", lost=11)]},
    "schedules": {"schedules": [Lateness("nightly", 0, ""), Lateness("daily", 59, "")]},
    "a broker": {"engines": [engine(True)]},
    "a broker that is not known yet": {"engines": [engine(None)]},
}

ILL = {
    "a wait": ("waiting", "warning", "mail: oldest waits 2 min", {"queues": [queue(120)]}),
    "a long wait": ("waiting", "bad", "mail: oldest waits 12 min", {"queues": [queue(720)]}),
    "nobody's queue": (
        *("waiting", "bad", "No worker serves mail"),
        {"queues": [queue(20)], "workers": [worker(queues=["reports"]), worker("bob", backend="other")]},
    ),
    "failures": ("failures", "warning", "5.0% failed in 5 min", {"lately": Rate(succeeded=95, failed=5)}),
    "many failures": ("failures", "bad", "25.0% failed in 5 min", {"lately": Rate(succeeded=75, failed=25)}),
    "failures before": (
        *("failures", "warning", "10.0% failed in 1 h"),
        {"lately": Rate(succeeded=5), "hour": Rate(succeeded=90, failed=10)},
    ),
    "a stuck job": ("stuck", "warning", "1 job is stuck", {"stuck": 1}),
    "stuck jobs": ("stuck", "bad", "10 jobs are stuck", {"stuck": 10}),
    "a silent worker": (
        *("workers", "warning", "1 alive, bob silent"),
        {"workers": [worker(), worker("bob", silent=True)]},
    ),
    "a lost worker": (
        "workers",
        "warning",
        "1 alive, bob lost",
        {"workers": [worker(), worker("bob", lost=9)]},
    ),
    "no worker": ("workers", "warning", "No worker is alive", {"workers": []}),
    "all are silent": ("workers", "bad", "No worker is alive", {"workers": [worker(silent=True)]}),
    "a late schedule": (
        *("schedules", "warning", "daily is 2 min late"),
        {"schedules": [Lateness("nightly", 0, ""), Lateness("daily", 120, "")]},
    ),
    "a schedule far behind": (
        *("schedules", "bad", "daily is 20 min late"),
        {"schedules": [Lateness("daily", 1200, "")]},
    ),
    "faults": (
        *("schedules", "warning", "nightly and 1 more cannot fire"),
        {"schedules": [Lateness("nightly", 0, "no task"), Lateness("daily", 0, "no task")]},
    ),
    "no broker": ("brokers", "bad", "The broker of celery is out of reach", {"engines": [engine(False)]}),
}


@pytest.mark.parametrize("case", WELL)
def test_all_is_well(case):
    found = judged(**WELL[case])

    assert found.level == "good"
    assert found.words == "All is well"


@pytest.mark.parametrize("case", ILL)
def test_something_is_wrong(case):
    name, level, words, given = ILL[case]

    found = judged(**given)

    [sign] = [sign for sign in found.signs if sign.name == name]
    assert (sign.level, sign.words) == (level, words)
    assert (found.level, found.words) == (level, words)


def test_the_worst_comes_first():
    found = judged(queues=[queue(120)], engines=[engine(False)])

    assert found.worst.name == "brokers"


def test_the_figures():
    found = judged(
        queues=[queue(40), queue(90, name="reports"), queue(900, paused=True)],
        workers=[worker(), worker("bob", silent=True), worker("eve", lost=100)],
        lately=Rate(succeeded=9, failed=1),
        schedules=[Lateness("daily", 90, "")],
    )

    assert (found.oldest_waiting, found.oldest_waiting_queue) == (90, "reports")
    assert (found.workers_alive, found.workers_silent, found.workers_lost) == (1, 1, 1)
    assert (found.failure_ratio_5m, found.late_schedules) == (0.1, 1)
    assert judged().oldest_waiting is None

"""The engine with our records: enqueued by Django's API, run by `manage.py worker`."""

import sys

from benchmarks.engines.combinations import measured_here
from benchmarks.engines.tasks import measured_task
from taskyard import enqueue_many
from taskyard.models import Job
from taskyard.states import JobState
from taskyard.waiting import wait_until

_combination = measured_here()

WORKERS = [
    [
        *(sys.executable, "-m", "django", "worker"),
        *("--processes", str(_combination.processes), "--concurrency", str(_combination.slots)),
    ]
]


def one_by_one(count: int) -> None:
    """Enqueue no-ops, each in a transaction of its own."""
    for _ in range(count):
        measured_task().enqueue()


def in_bulk(count: int) -> None:
    """Enqueue no-ops together."""
    enqueue_many(measured_task(), [()] * count)


def settle() -> None:
    """Wait until every outcome is recorded, and each in the first attempt."""
    done = Job.objects.filter(state=JobState.SUCCESSFUL, attempt=1)
    wait_until(lambda: done.count() == Job.objects.count(), "all jobs have succeeded in their first attempt")

"""Celery by itself."""

import sys

from celery import Celery

from benchmarks.engines import effects
from benchmarks.engines.combinations import broker_url, measured_here

_combination = measured_here()

app = Celery("bare", broker=broker_url())
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
)

WORKERS = [
    [
        *(sys.executable, "-m", "celery", "-A", __name__, "worker", "--hostname", f"bare{number}@%h"),
        *("--pool", _combination.options.get("POOL", "threads"), "--concurrency", str(_combination.slots)),
    ]
    for number in range(_combination.processes)
]


@app.task
def no_op():
    """Leave a line."""
    effects.leave_line()


def one_by_one(count: int) -> None:
    """Enqueue no-ops."""
    for _ in range(count):
        no_op.delay()


def in_bulk(count: int) -> None:
    """Enqueue no-ops over one producer: the most that Celery does for many of them."""
    with app.producer_or_acquire() as producer:
        for _ in range(count):
            no_op.apply_async(producer=producer)


def settle() -> None:
    """Nothing is recorded."""

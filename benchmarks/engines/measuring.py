"""One side of one combination, measured: `python -m benchmarks.engines.measuring MODULE JOBS` prints JSON.

A side is a module: it enqueues no-ops and names the commands of its workers. Both sides go through this same
course, and what they did is counted in the lines that their tasks leave.
"""

import json
import os
import random
import statistics
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Protocol

from benchmarks.engines import effects
from benchmarks.engines.worker_processes import running
from taskyard.waiting import wait_until

WARM_UP = 20
SINGLES = 500
PICKUPS = 40
"""So few that p99 is the slowest of them."""

PAUSE = (0.2, 0.4)
"""Seconds before an idle worker's next job, at random: long enough for a polling worker to look but seldom,
and meeting it at all times between two looks."""


class Side(Protocol):
    """The engine with our records, or by itself."""

    WORKERS: list[list[str]]

    def one_by_one(self, count: int) -> None:
        """Enqueue no-ops, one by one."""

    def in_bulk(self, count: int) -> None:
        """Enqueue no-ops together, as far as the engine can."""

    def settle(self) -> None:
        """Wait until what is recorded of the jobs that ran is recorded."""


def rate(count: int, work: Callable[[int], object]) -> float:
    """Return how many of `count` things a piece of work does in a second."""
    started = time.perf_counter()
    work(count)
    return count / (time.perf_counter() - started)


def drained_per_second(expected: int) -> float:
    """Wait until all jobs ran, and return their rate.

    The first fifth is left out: it runs while the second process still starts.
    """
    wait_until(lambda: effects.count() >= expected, f"{expected} jobs ran", 120)
    begun = effects.times()[expected // 5 :]
    return (len(begun) - 1) / (begun[-1] - begun[0]) * 1e9


def pickup_in_milliseconds(side: Side) -> float:
    """Enqueue one job to idle workers; return the time from before enqueueing to the task's first line."""
    before = effects.count()
    time.sleep(random.uniform(*PAUSE))
    started = time.monotonic_ns()
    side.one_by_one(1)
    wait_until(lambda: effects.count() > before, "the job ran")
    return (effects.times()[-1] - started) / 1e6


def measure(side: Side, jobs: int) -> dict[str, float]:
    """Fill the queue, drain it, then let the idle workers pick up single jobs."""
    side.one_by_one(WARM_UP)
    figures = {"enqueued": rate(SINGLES, side.one_by_one), "enqueued_in_bulk": rate(jobs, side.in_bulk)}
    expected = WARM_UP + SINGLES + jobs
    with running(side.WORKERS):
        figures["drained"] = drained_per_second(expected)
        side.settle()
        pickups = sorted(pickup_in_milliseconds(side) for _ in range(PICKUPS))
    assert effects.count() == expected + PICKUPS, "a job ran twice"
    figures["pickup_p50"] = statistics.median(pickups)
    figures["pickup_p99"] = pickups[int(PICKUPS * 0.99)]
    return figures


def main() -> None:
    """Measure and print."""
    if "DJANGO_SETTINGS_MODULE" in os.environ:
        import django  # noqa: PLC0415 - a bare engine that needs none gets none

        django.setup()
    side: Side = import_module(sys.argv[1])
    random.seed(1)
    json.dump(measure(side, int(sys.argv[2])), sys.stdout)


if __name__ == "__main__":
    main()

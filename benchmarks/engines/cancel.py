"""Seconds from the wish to cancel a running job to its end, the median of some; prints them as JSON."""

import json
import statistics
import sys
import time

import django

django.setup()

from benchmarks.engines import effects  # noqa: E402
from benchmarks.engines.ours import WORKERS  # noqa: E402
from benchmarks.engines.tasks import never_end  # noqa: E402
from benchmarks.engines.worker_processes import running  # noqa: E402
from taskyard import cancel, get_result  # noqa: E402
from taskyard.waiting import wait_until  # noqa: E402

TIMES = 7


def seconds_to_cancel() -> float:
    """Cancel some jobs, one after the other, as they run."""
    with running(WORKERS):
        return statistics.median(_seconds(number) for number in range(1, TIMES + 1))


def _seconds(number: int) -> float:
    result = never_end.enqueue()
    wait_until(lambda: effects.count() == number, "the job runs", 60)
    asked_at = time.monotonic()
    cancel(result)
    wait_until(lambda: get_result(result.id).is_finished, "it is cancelled", 30)
    return time.monotonic() - asked_at


if __name__ == "__main__":
    json.dump(seconds_to_cancel(), sys.stdout)

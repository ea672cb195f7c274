"""Seconds from SIGKILL of a worker with a running job to the job's second start; prints them as JSON."""

import json
import sys
import time

import django

django.setup()

from benchmarks.engines import effects  # noqa: E402
from benchmarks.engines.ours import WORKERS  # noqa: E402
from benchmarks.engines.tasks import never_end  # noqa: E402
from benchmarks.engines.worker_processes import running  # noqa: E402
from taskyard.waiting import wait_until  # noqa: E402
from taskyard_workers.models import WorkerProcess  # noqa: E402


def seconds_to_second_start() -> float:
    """Kill the worker that runs a job while another waits."""
    with running(WORKERS) as [first]:
        never_end.enqueue()
        wait_until(lambda: effects.count() == 1, "the job runs", 60)
        registered = WorkerProcess.objects.count()
        with running(WORKERS) as [second]:
            wait_until(lambda: WorkerProcess.objects.count() >= 2 * registered, "the other is there", 60)
            killed_at = time.monotonic_ns()
            first.kill()
            wait_until(lambda: effects.count() == 2, "the job runs again", 120)
            second.kill()  # its job never ends
    return (effects.times()[-1] - killed_at) / 1e9


if __name__ == "__main__":
    json.dump(seconds_to_second_start(), sys.stdout)

"""The embedded engine's figures on the database that the settings name; prints them as JSON."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db.models import F, Max, Min  # noqa: E402

from taskyard import enqueue_many  # noqa: E402
from taskyard.models import Job  # noqa: E402
from taskyard_workers.models import WorkerProcess  # noqa: E402
from tests.example.tasks import nothing  # noqa: E402
from tests.support.servers import wait_until  # noqa: E402

SINGLE_ENQUEUES = 1000
PICKUPS = 200
WORKER = [sys.executable, "-m", "django", "worker"]


def rate(count: int, work: Callable[[], object]) -> float:
    """Return how many of `count` things a piece of work does in a second."""
    started = time.perf_counter()
    work()
    return count / (time.perf_counter() - started)


def drained_per_second(jobs: int) -> float:
    """Enqueue no-op jobs, drain them with two processes, and count from the first start to the last end."""
    enqueue_many(nothing, [()] * jobs)
    subprocess.run([*WORKER, "--burst", "--processes", "2"], check=True)
    span = Job.objects.aggregate(first=Min("started_at"), last=Max("finished_at"))
    once = Job.objects.filter(state="SUCCESSFUL", attempt=1).count()
    assert once == jobs, f"{jobs - once} jobs did not run exactly once"
    return jobs / (span["last"] - span["first"]).total_seconds()


def pickups_in_milliseconds() -> list[float]:
    """Enqueue jobs one at a time to an idle worker; return the times from insert to claim."""
    for _ in range(PICKUPS):
        result = nothing.enqueue()
        wait_until(lambda: nothing.get_result(result.id).is_finished, "the job ran")  # noqa: B023
    spans = Job.objects.annotate(span=F("started_at") - F("enqueued_at")).values_list("span", flat=True)
    return sorted(span.total_seconds() * 1000 for span in spans)


def memory_in_mib(pid: int) -> float:
    """Return the resident memory of a process."""
    [line] = [line for line in open(f"/proc/{pid}/status") if line.startswith("VmRSS")]  # noqa: SIM115, PTH123
    return int(line.split()[1]) / 1024


def main() -> None:
    """Measure and print."""
    jobs = int(sys.argv[1])
    call_command("migrate", verbosity=0)
    figures = {
        "enqueued/s one by one": rate(
            SINGLE_ENQUEUES, lambda: [nothing.enqueue() for _ in range(SINGLE_ENQUEUES)]
        ),
        "enqueued/s in bulk": rate(jobs, lambda: enqueue_many(nothing, [()] * jobs)),
    }
    Job.objects.all().delete()
    figures["drained/s by two processes"] = drained_per_second(jobs)
    Job.objects.all().delete()
    worker = subprocess.Popen(WORKER)
    try:
        wait_until(WorkerProcess.objects.exists, "the worker is registered")
        idle = memory_in_mib(worker.pid)
        pickups = pickups_in_milliseconds()
    finally:
        worker.terminate()
        worker.wait(30)
    figures["pickup in ms, p50"] = statistics.median(pickups)
    figures["pickup in ms, p99"] = pickups[int(len(pickups) * 0.99)]
    figures["idle worker in MiB"] = idle
    print(json.dumps(figures))


if __name__ == "__main__":
    main()

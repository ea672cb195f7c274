"""What the metrics cost a job: `python -m benchmarks.metrics_overhead [--jobs 3000] [--database sqlite]`.

First the counting itself, in a loop, in memory and in the mapped files of a worker with `--metrics`. Then
whole lives of no-op jobs in a real worker of one process: with nothing counted, counting, and counting for a
port; and without monitoring installed, where the history of the console's charts is not kept either. Rounds
take turns, and the least disturbed of each kind is shown: the rest is what else the machine did.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

from benchmarks.databases import ROOT, database

LOOPS = 20_000

COUNTING = "import benchmarks.metrics_overhead as benchmark; benchmark.print_counting()"

WITHOUT = """
from tests import settings
settings.INSTALLED_APPS.remove("taskyard_monitoring")
import django
django.setup()
from django.core.management import call_command
call_command("worker", "--burst", skip_checks=True)
"""

UNCOUNTED = """
import django
django.setup()
from taskyard_monitoring.metrics import instruments
instruments.disconnect()
from django.core.management import call_command
call_command("worker", "--burst", skip_checks=True)
"""

WORKER = [sys.executable, "-m", "django", "worker", "--burst"]

VARIANTS = {
    "without metrics": [sys.executable, "-c", UNCOUNTED],
    "counting in memory": WORKER,
    "with a port": [*WORKER, "--metrics", "19464"],
    "without monitoring": [sys.executable, "-c", WITHOUT],
}


def microseconds(work: Callable[[], object], times: int) -> float:
    """Return how long one of so many times takes."""
    started = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - started) / times * 1e6


def print_counting() -> None:
    """Print how long the instruments take for a job, in a process of its own: its mode cannot be changed."""
    import django  # noqa: PLC0415 - the process is told the mode first

    django.setup()
    from django.utils import timezone  # noqa: PLC0415

    from taskyard.compat import task_enqueued  # noqa: PLC0415
    from taskyard.models import Job  # noqa: PLC0415
    from taskyard.run import prepare  # noqa: PLC0415
    from taskyard.signals import attempt_ended, attempt_started  # noqa: PLC0415
    from taskyard_monitoring.metrics import instruments  # noqa: PLC0415
    from tests.example.tasks import nothing  # noqa: PLC0415

    now = timezone.now()
    job = Job(
        task=nothing.module_path,
        backend="default",
        queue="default",
        attempt=1,
        enqueued_at=now,
        delivered_at=now,
        last_attempted_at=now,
    )
    run = prepare(job)
    outcome = run.succeeded(None)

    def life() -> None:
        task_enqueued.send_robust(sender=type(run.backend), task_result=run.result)
        attempt_started.send_robust(sender=type(run), run=run)
        attempt_ended.send_robust(sender=type(run), run=run, outcome=outcome)

    found = {}
    for what, switch in (("with", instruments.connect), ("without", instruments.disconnect)):
        switch()
        microseconds(life, LOOPS // 10)
        found[what] = min(microseconds(life, LOOPS) for _ in range(3))
    print(json.dumps(found))


def counting(environment: dict[str, str]) -> float:
    """Return the microseconds that counting takes for a job."""
    ended = subprocess.run(
        [sys.executable, "-c", COUNTING], env=environment, cwd=ROOT, stdout=subprocess.PIPE, check=True
    )
    found = json.loads(ended.stdout)
    return found["with"] - found["without"]


def life(variant: str, jobs: int, environment: dict[str, str]) -> float:
    """Return the microseconds from the first job's start to the last one's end, for each of them."""
    script = (
        "import django; django.setup()\n"
        "from taskyard import enqueue_many; from taskyard.models import Job\n"
        "from tests.example.tasks import nothing\n"
        f"Job.objects.all().delete(); enqueue_many(nothing, [()] * {jobs})"
    )
    subprocess.run([sys.executable, "-c", script], env=environment, cwd=ROOT, check=True)
    subprocess.run(VARIANTS[variant], env=environment, cwd=ROOT, check=True)
    script = (
        "import django; django.setup()\n"
        "from django.db.models import Count, Max, Min; from taskyard.models import Job\n"
        "rows = Job.objects.filter(state='SUCCESSFUL')\n"
        "found = rows.aggregate(first=Min('started_at'), last=Max('finished_at'), all=Count('pk'))\n"
        f"assert found['all'] == {jobs}, found\n"
        "print((found['last'] - found['first']).total_seconds())"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=ROOT, stdout=subprocess.PIPE, check=True
    )
    return float(ended.stdout) / jobs * 1e6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.metrics_overhead")
    parser.add_argument("--jobs", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    options = parser.parse_args()
    with database(options.database) as address, tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "TASKYARD_TEST_DATABASE": address,
            "TASKYARD_TEST_LOG": "ERROR",
        }
        subprocess.run(
            [sys.executable, "-m", "django", "migrate", "-v0"], env=environment, cwd=ROOT, check=True
        )
        print(f"counting a job, in memory         {counting(environment):8.1f} µs")
        mapped = {**environment, "PROMETHEUS_MULTIPROC_DIR": folder}
        print(f"counting a job, in mapped files   {counting(mapped):8.1f} µs")
        lives: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
        for _ in range(options.rounds):
            for variant, found in lives.items():
                found.append(life(variant, options.jobs, environment))
        usual = min(lives["without metrics"])
        for variant, found in lives.items():
            print(f"a job's life, {variant:<20}{min(found):8.1f} µs   {min(found) / usual:5.2f} times")


if __name__ == "__main__":
    main()

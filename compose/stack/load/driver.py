"""`python -m compose.stack.load.driver`, in the environment of the site: the load, from beginning to end."""

import argparse
import sys
import time
from pathlib import Path

import django

django.setup()

from django.conf import settings  # noqa: E402

from taskyard.backend import JobBackend  # noqa: E402
from taskyard.compat import task_backends  # noqa: E402
from taskyard.models import Job  # noqa: E402

from . import ledger, shop  # noqa: E402
from .account import account, unfinished  # noqa: E402
from .killing import kill_a_worker_of  # noqa: E402
from .mix import Enqueued, calls, enqueue  # noqa: E402
from .telling import say, tell  # noqa: E402

BETWEEN_LOOKS = 1.0
"""Seconds."""


def main() -> int:
    """Run the load; returns 1 where anything is not as it must be."""
    options = arguments()
    backends = [alias for alias in settings.TASKS if isinstance(task_backends[alias], JobBackend)]
    say(f"{options.seconds:.0f} s of {options.rate:g} jobs a second on {', '.join(backends)}.")
    work = shop.ask_for_some()
    began = time.monotonic()
    enqueued = give_work(backends, options)
    took = time.monotonic() - began
    say(f"{len(enqueued) + len(work.jobs)} jobs are enqueued. Waiting until all are finished.")
    left = wait_for_the_end([each.id for each in enqueued] + work.jobs, options.patience)
    sheets, faults = account(enqueued, ledger.executions())
    faults += [f"{left} jobs are not finished after {options.patience:.0f} s."] if left else []
    faults += shop.faults(work, options.mails)
    faults += [
        f"{job.id} ({job.task} on {job.backend}) is {job.state}."
        for job in Job.objects.filter(pk__in=work.jobs).exclude(state="SUCCESSFUL")
    ]
    tell(sheets, took, len(work.jobs), len(work.mails), faults)
    return 1 if faults else 0


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--patience", type=float, required=True)
    parser.add_argument("--mails", type=Path)
    parser.add_argument("--kill", action="store_true")
    return parser.parse_args()


def give_work(backends: list[str], options: argparse.Namespace) -> list[Enqueued]:
    """Enqueue at a steady rate; what cannot be kept up with is not made up for in a burst."""
    enqueued: list[Enqueued] = []
    began = time.monotonic()
    to_kill = list(backends) if options.kill else []
    due = began
    for kind, backend, number in calls(backends):
        now = time.monotonic()
        if now - began > options.seconds:
            break
        if to_kill and now - began > options.seconds / 3:
            say(f"Killed {kill_a_worker_of(to_kill.pop())}.")
        jobs = enqueue(kind, backend, number)
        enqueued += jobs
        due = max(due + len(jobs) / options.rate, now)
        time.sleep(max(0.0, due - time.monotonic()))
    return enqueued


def wait_for_the_end(ids: list[str], patience: float) -> int:
    """Wait until all jobs are finished; returns how many are not."""
    deadline = time.monotonic() + patience
    while (left := unfinished(ids)) and time.monotonic() < deadline:
        time.sleep(BETWEEN_LOOKS)
    return left


if __name__ == "__main__":
    sys.exit(main())

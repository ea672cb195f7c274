"""A line for each run of a job, in a file: what the database says is held against it."""

import os
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from taskyard import current_job

NAME = "load-ledger"


@dataclass(slots=True)
class Execution:
    """One run of a job, as it was seen from outside. Times are seconds of the machine's clock."""

    began: float
    ended: float | None = None
    """None: it was killed."""


def path() -> Path:
    """Return where the ledger is; all of a site's processes share the folder."""
    return Path(settings.VAR, NAME)


@contextmanager
def written_down() -> Iterator[None]:
    """Leave a line when the block begins, and another when it ends, however it ends."""
    job = current_job()
    assert job is not None, "This is for jobs."
    run = f"{job.id} {os.getpid()}.{time.monotonic_ns()}"
    _write(f"{run} began {time.time():.6f}\n")
    try:
        yield
    finally:
        _write(f"{run} ended {time.time():.6f}\n")


def _write(line: str) -> None:
    # One write at the end of the file: lines of many processes stay whole.
    handle = os.open(path(), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(handle, line.encode())
    finally:
        os.close(handle)


def executions() -> dict[str, list[Execution]]:
    """Return the runs of each job, in the order in which they began."""
    runs: dict[str, dict[str, Execution]] = defaultdict(dict)
    for line in path().read_text().splitlines() if path().exists() else []:
        job_id, run, what, at = line.split()
        if what == "began":
            runs[job_id][run] = Execution(float(at))
        else:
            runs[job_id][run].ended = float(at)
    return {job_id: sorted(each.values(), key=lambda run: run.began) for job_id, each in runs.items()}

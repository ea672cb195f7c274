"""A job that takes its time, and the lines that it and whoever enqueues it leave."""

import os
import time
from pathlib import Path

from taskyard import task

FOLDER = "BENCHMARK_FOLDER"
HOST = "BENCHMARK_HOST"


def leave_line(event: str, backend: str, number: int) -> None:
    """Leave a line with the time; both hosts have one clock and one disk."""
    with (Path(os.environ[FOLDER]) / "lines").open("a") as file:
        file.write(f"{time.time():.3f} {event} {backend} {number} {os.environ[HOST]}\n")


@task
def work(backend: str, number: int, seconds: float) -> None:
    """Leave a line, be busy, and leave another."""
    leave_line("started", backend, number)
    time.sleep(seconds)
    leave_line("ended", backend, number)

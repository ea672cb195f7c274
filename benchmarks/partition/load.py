"""A steady load on some backends, until SIGTERM: `python -m benchmarks.partition.load BACKEND …`."""

import signal
import sys
import time
from datetime import timedelta
from itertools import count

import django

django.setup()

from django.utils import timezone  # noqa: E402

from benchmarks.partition.tasks import leave_line, work  # noqa: E402

INTERVAL = 0.25
"""Seconds between two jobs of a backend."""

SHORT, LONG = 0.4, 8.0
"""Seconds that jobs take."""

LONG_EVERY = 20
"""One job in so many is a long one."""

LATER_EVERY = 10
"""One in so many is for later, so that the dispatchers have something to deliver."""


def main() -> None:
    """Enqueue in time, whatever that takes."""
    told_to_stop = []
    signal.signal(signal.SIGTERM, lambda *_: told_to_stop.append(True))
    begun = time.monotonic()
    for number in count():
        time.sleep(max(0.0, begun + number * INTERVAL - time.monotonic()))
        if told_to_stop:
            break
        for backend in sys.argv[1:]:
            _enqueue(backend, number)


def _enqueue(backend: str, number: int) -> None:
    later = timezone.now() + timedelta(seconds=1) if number % LATER_EVERY == 1 else None
    leave_line("enqueued", backend, number)
    work.using(backend=backend, run_after=later).enqueue(
        backend, number, LONG if number % LONG_EVERY == 0 else SHORT
    )


if __name__ == "__main__":
    main()

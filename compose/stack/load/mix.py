"""What is enqueued, and what must become of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import count, cycle

from django.utils import timezone

from taskyard import TaskResult, enqueue_many

from . import tasks

DEFERRED = timedelta(seconds=3)

BATCH = 5


@dataclass(frozen=True, slots=True)
class Kind:
    """One way in which jobs are enqueued."""

    name: str
    enqueue: Callable[[str, int], list[TaskResult]]
    """Given a backend's alias and a number that no other call gets."""

    state: str = "SUCCESSFUL"
    runs: int = 1
    """How often each job runs where no worker dies."""


def _unique(backend: str, number: int) -> list[TaskResult]:
    """Ask twice for the same; both get the one job."""
    wanted = tasks.once.using(backend=backend)
    return [wanted.enqueue(number), wanted.enqueue(number)]


KINDS = [
    Kind("quick", lambda on, number: [tasks.quick.using(backend=on).enqueue(number)]),
    Kind("async", lambda on, _: [tasks.wait.using(backend=on).enqueue(0.2)]),
    Kind("urgent", lambda on, number: [tasks.quick.using(backend=on, priority=50).enqueue(number)]),
    Kind(
        "batch",
        lambda on, number: enqueue_many(tasks.quick.using(backend=on), [(number,) for _ in range(BATCH)]),
    ),
    Kind(
        "deferred",
        lambda on, number: [
            tasks.quick.using(backend=on, run_after=timezone.now() + DEFERRED).enqueue(number)
        ],
    ),
    Kind("slow", lambda on, _: [tasks.slow.using(backend=on).enqueue(20)]),
    Kind("unique", _unique),
    Kind("retried", lambda on, _: [tasks.succeed_at_last.using(backend=on).enqueue(3)], runs=3),
    Kind(
        "failing", lambda on, number: [tasks.fail.using(backend=on).enqueue(number)], state="FAILED", runs=2
    ),
]

SHARES = {"quick": 5, "async": 2, "urgent": 2}
"""How many of a kind come for one of each other kind."""


@dataclass(frozen=True, slots=True)
class Enqueued:
    """A job of the load, as we have been told of it."""

    id: str
    backend: str
    kind: Kind


def calls(backends: list[str]) -> Iterator[tuple[Kind, str, int]]:
    """Yield what to enqueue next, without end: every kind on every backend."""
    numbers = count()
    kinds = [kind for kind in KINDS for _ in range(SHARES.get(kind.name, 1))]
    for kind in cycle(kinds):
        for backend in backends:
            yield kind, backend, next(numbers)


def enqueue(kind: Kind, backend: str, number: int) -> list[Enqueued]:
    """Enqueue the jobs of one call; those that were there already count once."""
    ids = dict.fromkeys(str(result.id) for result in kind.enqueue(backend, number))
    return [Enqueued(job_id, backend, kind) for job_id in ids]

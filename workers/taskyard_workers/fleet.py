"""The worker processes as operators see them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import BooleanField, Case, Count, Value, When

from taskyard.database import DatabaseNow, again_on_deadlock, explained_errors, jobs_alias
from taskyard.models import Job
from taskyard.states import JobState

from .membership import BEAT
from .models import Wish, WorkerProcess

SILENCE = timedelta(seconds=2.5 * BEAT)
"""After which a worker is shown as silent: more than a beat has got lost."""


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """A worker process, and how it does."""

    process: WorkerProcess
    running: int
    """How many jobs it has in its hands."""

    is_silent: bool

    @property
    def state(self) -> str:
        """`alive`, `silent` for a while, or declared `lost`."""
        if self.process.lost_at is not None:
            return "lost"
        return "silent" if self.is_silent else "alive"

    @property
    def wish(self) -> str:
        """What an operator asks of it, in a word: `quiet`, `stop` or ""."""
        return "" if self.process.lost_at is not None else self.process.wish


def worker_statuses() -> list[WorkerStatus]:
    """Return the processes in the register, by name."""
    silent = Case(
        When(beat_at__lt=DatabaseNow() - SILENCE, then=Value(True)),  # noqa: FBT003
        default=Value(False),  # noqa: FBT003
        output_field=BooleanField(),
    )
    with explained_errors():
        running = dict(
            Job.objects.using(jobs_alias())
            .filter(state=JobState.RUNNING)
            .values_list("worker")
            .annotate(Count("pk"))
            .order_by()
        )
        processes = WorkerProcess.objects.using(jobs_alias()).annotate(is_silent=silent)
        return [
            WorkerStatus(process, running.get(process.pk, 0), bool(process.is_silent))
            for process in processes.order_by("backend", "name", "id")
        ]


def quiet(process_ids: Iterable[str]) -> int:
    """Ask processes to claim no more jobs: what runs goes on, and they stay. Return how many were asked.

    Holds until `wake`, or until the process ends: one that takes its place is not quiet.
    """
    return _ask(process_ids, Wish.QUIET, unless=(Wish.QUIET, Wish.STOP))


def wake(process_ids: Iterable[str]) -> int:
    """Let quiet processes claim jobs again, and return how many were quiet."""
    return _ask(process_ids, "", unless=("", Wish.STOP))


def stop(process_ids: Iterable[str]) -> int:
    """Ask processes to stop as by SIGTERM, for good, and return how many were asked.

    Under Celery's prefork pool the whole pool stops with one of its processes.
    """
    return _ask(process_ids, Wish.STOP, unless=(Wish.STOP,))


@again_on_deadlock
def _ask(process_ids: Iterable[str], wish: str, unless: tuple[str, ...]) -> int:
    living = WorkerProcess.objects.using(jobs_alias()).filter(pk__in=list(process_ids), lost_at=None)
    with explained_errors():
        return living.exclude(wish__in=unless).update(wish=wish)

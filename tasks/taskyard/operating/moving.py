"""Handing waiting jobs of one backend to another, while the workers of both go on."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from taskyard.backend import JobBackend, job_backends
from taskyard.compat import InvalidTask, task_backends
from taskyard.database import explained_errors, jobs_alias
from taskyard.exceptions import TaskNotFound
from taskyard.models import Job, Schedule
from taskyard.results import task_of
from taskyard.states import JobState
from taskyard.transitions import move

from .deeds import MOVE
from .operations import Operation


class CannotMove(ValueError):
    """Why nothing is moved; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Left:
    """What is still on the backend that jobs are moved away from."""

    waiting: int
    """Jobs that were enqueued meanwhile, or were in the hands of a worker or a dispatcher."""

    running: int
    """Jobs that end there, or wait there again for another attempt."""

    def __bool__(self) -> bool:
        return bool(self.waiting or self.running)


@dataclass(frozen=True, slots=True)
class Move:
    """From which backend to which, by their aliases in TASKS."""

    source: str
    """It need not be in TASKS any more."""

    target: str

    @property
    def operation(self) -> Operation:
        """What is done to each job."""
        return Operation(
            MOVE,
            f"moved from {self.source!r} to {self.target!r}",
            Q(state=JobState.READY, backend=self.source),
            lambda jobs: move([job.pk for job in jobs], self.source, self.target),
        )

    def check(self, jobs: "QuerySet[Job]") -> None:
        """Make sure that the target takes all these jobs, before any of them is moved.

        Args:
            jobs: those that are to be moved; others among them do not matter.

        Raises:
            CannotMove: saying what is in the way.
        """
        target = self._target()
        if self.source == self.target:
            raise CannotMove(f"The jobs are on {self.target!r} already: name two backends.")
        if self.source not in task_backends.settings and not self._has_jobs():
            raise CannotMove(
                f"There is no backend {self.source!r}: TASKS does not name it, and no job is on it. "
                f"{_known_backends()}"
            )
        refused = Counter[str]()
        kinds = jobs.order_by().filter(self.operation.applies_to).values_list("task", "queue", "priority")
        with explained_errors():
            for task, queue, priority, count in kinds.annotate(Count("pk")):
                kind = Job(task=task, queue=queue, priority=priority, backend=self.target)
                for fault in _faults(kind, target):
                    refused[fault] += count
        if refused:
            reasons = "".join(f"\n- {fault} (jobs: {count:,})" for fault, count in refused.most_common(10))
            raise CannotMove(f"Nothing is moved, because {self.target!r} does not take all of it:{reasons}")

    def left(self, jobs: "QuerySet[Job]") -> Left:
        """Return how many of these jobs are on the source."""
        on_source = jobs.order_by().filter(backend=self.source)
        with explained_errors():
            waiting = on_source.filter(state=JobState.READY).count()
            return Left(waiting, on_source.filter(state=JobState.RUNNING).count())

    def schedules(self) -> list[str]:
        """Return the names of the schedules whose jobs go on coming to the source."""
        rows = Schedule.objects.using(jobs_alias()).filter(backend=self.source)
        with explained_errors():
            return list(rows.order_by("name").values_list("name", flat=True))

    def _target(self) -> JobBackend:
        found = job_backends().get(self.target)
        if found is None:
            raise CannotMove(f"{self.target!r} runs no jobs. {_known_backends()}")
        return found

    def _has_jobs(self) -> bool:
        unfinished = Q(state=JobState.READY) | Q(state=JobState.RUNNING)
        with explained_errors():
            return Job.objects.using(jobs_alias()).filter(unfinished, backend=self.source).exists()


def _faults(job: Job, target: JobBackend) -> Iterator[str]:
    if target.queues and job.queue not in target.queues:
        yield (
            f"it has no queue {job.queue!r}: put that in TASKS[{target.alias!r}]['QUEUES'], or choose other "
            "jobs with --queue"
        )
        return
    try:
        target.validate_task(task_of(job))
    except TaskNotFound:
        return  # it fails wherever it runs
    except InvalidTask as fault:
        yield f"it refuses {job.task}: {fault}"


def _known_backends() -> str:
    return f"Backends that run jobs: {', '.join(sorted(job_backends())) or 'none'}."

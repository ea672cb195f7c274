"""A backend that sends each job to one of several others: by its queue, or a percentage of all.

    TASKS = {
        "default": {
            "BACKEND": "taskyard.routing.RoutingBackend",
            "OPTIONS": {
                "ROUTES": [{"queue": "reports", "to": "arq"}, {"percent": 10, "to": "arq"}],
                "ELSE": "celery",
            },
        },
        "celery": {"BACKEND": "taskyard_adapters.celery.CeleryBackend", ...},
        "arq": {"BACKEND": "taskyard_adapters.arq.ArqBackend", ...},
    }

The choice is made once, when a job is enqueued, and stands in its row: retries stay where the job is. A
router has no worker, no queue and no jobs of its own.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zlib import crc32

from django.core import checks

from .backend import JobBackend
from .compat import InvalidTask, InvalidTaskBackend, Task, task_backends
from .enqueueing import Call, EnqueueingBackend
from .ids import new_job_id

if TYPE_CHECKING:
    from .models import Job
    from .unique import Uniqueness

SHARES = 10_000
"""How finely jobs are shared out: a hundredth of a percent."""


@dataclass(frozen=True, slots=True)
class Route:
    """Which jobs go to a backend: those of a queue, a percentage, or a percentage of those of a queue."""

    to: str
    """Alias in TASKS."""

    queue: str | None = None
    """None: whatever the queue."""

    percent: float | None = None
    """Above 0, up to 100, in hundredths at the finest. None: all of them."""

    def __post_init__(self) -> None:
        if not isinstance(self.to, str) or not self.to:
            raise ValueError('"to" must be an alias in TASKS.')
        if self.queue is None and self.percent is None:
            raise ValueError('say which jobs: a "queue", a "percent", or both.')
        if self.queue is not None and not isinstance(self.queue, str):
            raise ValueError('"queue" must be the name of a queue.')
        if self.percent is not None and (
            not isinstance(self.percent, int | float)
            or isinstance(self.percent, bool)
            or not 0 < self.percent <= 100
        ):
            raise ValueError('"percent" must be a number above 0, up to 100.')

    def is_for(self, queue: str) -> bool:
        """Tell whether jobs of this queue may take the route."""
        return self.queue in {None, queue}

    @property
    def share(self) -> int:
        """How many of `SHARES` take the route."""
        return SHARES if self.percent is None else round(self.percent * SHARES / 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingOptions:
    """What `TASKS[alias]["OPTIONS"]` may hold on `RoutingBackend`."""

    ROUTES: tuple[Route, ...]
    """A list of dicts with "to" and with "queue", "percent" or both. The first whose queue it is takes the
    job; one with a percentage takes so much of all jobs that come by, and the next goes on from there."""

    ELSE: str
    """The alias of the backend that gets all other jobs."""

    @classmethod
    def read(cls, options: Mapping[str, Any]) -> "RoutingOptions":
        """Read what TASKS says.

        Raises:
            ValueError: saying what is wrong with it.
        """
        if unknown := sorted(set(options) - {"ROUTES", "ELSE"}):
            raise ValueError(f"unknown keys: {', '.join(unknown)}. RoutingBackend knows ROUTES, ELSE.")
        otherwise = options.get("ELSE")
        if not isinstance(otherwise, str) or not otherwise:
            raise ValueError("ELSE is missing: name the backend that gets the jobs which no route takes.")
        said = options.get("ROUTES", [])
        if not isinstance(said, list | tuple):
            raise ValueError("ROUTES must be a list of routes.")  # noqa: TRY004 - read like the rest
        found = cls(ROUTES=tuple(map(_read_route, said)), ELSE=otherwise)
        found._check_percentages()
        return found

    def _check_percentages(self) -> None:
        for queue in {route.queue for route in self.ROUTES}:
            shares = [
                route.share
                for route in self.ROUTES
                if route.percent is not None and route.queue in {None, queue}
            ]
            if sum(shares) > SHARES:
                whose = "all jobs" if queue is None else f"the jobs of queue {queue!r}"
                raise ValueError(
                    f"ROUTES give away {sum(shares) * 100 / SHARES:g} percent of {whose}. Let the "
                    "percentages that meet add up to 100 at most."
                )


def _read_route(said: object) -> Route:
    if not isinstance(said, Mapping) or not set(said) <= {"to", "queue", "percent"}:
        raise ValueError(f'ROUTES: {said!r}: give {{"queue": …, "to": …}} or {{"percent": …, "to": …}}.')
    try:
        return Route(**{"to": "", **said})
    except ValueError as fault:
        raise ValueError(f"ROUTES: {said!r}: {fault}") from fault


class RoutingBackend(EnqueueingBackend):
    """Enqueues each job on another of the site's backends, as ROUTES and ELSE say."""

    def __init__(self, alias: str, params: dict[str, Any]) -> None:
        # Which queues there are is for the backends to say that have them, unless this one is told, too.
        super().__init__(alias, {"QUEUES": [], **params})
        try:
            self.settings = RoutingOptions.read(self.options)
        except ValueError as fault:
            raise InvalidTaskBackend(f"TASKS[{alias!r}]['OPTIONS']: {fault}") from fault

    @property
    def targets(self) -> tuple[str, ...]:
        """The aliases of the backends that jobs may be sent to."""
        return tuple(dict.fromkeys([*(route.to for route in self.settings.ROUTES), self.settings.ELSE]))

    def target(self, queue: str, job_id: UUID) -> str:
        """Return the alias of the backend that a job is sent to: always the same for the same job."""
        share = crc32(job_id.bytes) % SHARES
        for route in self.settings.ROUTES:
            if route.is_for(queue):
                if share < route.share:
                    return route.to
                share -= route.share
        return self.settings.ELSE

    def carrier(self, alias: str) -> JobBackend:
        """Return one of the backends that jobs are sent to.

        Raises:
            InvalidTaskBackend: where TASKS does not name it, or names one that cannot carry jobs.
        """
        where = f"TASKS[{self.alias!r}]['OPTIONS'] sends jobs to {alias!r}"
        try:
            found = task_backends[alias]
        except InvalidTaskBackend as fault:
            raise InvalidTaskBackend(
                f"{where}, and that cannot be had: {fault} TASKS has: {', '.join(task_backends)}."
            ) from fault
        if isinstance(found, RoutingBackend):
            raise InvalidTaskBackend(
                f"{where}, which sends them on itself. Name backends that have an engine: "
                f"{', '.join(found.targets)}."
            )
        if not isinstance(found, JobBackend):
            raise InvalidTaskBackend(f"{where}, which is none of Taskyard's backends.")
        return found

    def validate_task(self, task: Task) -> None:
        """Refuse a task that one of the backends refuses to which its jobs may be sent.

        Raises:
            InvalidTask: naming that backend.
        """
        super().validate_task(task)
        for alias in self._targets_of(task.queue_name):
            try:
                self.carrier(alias).validate_task(task)
            except InvalidTask as fault:
                raise InvalidTask(
                    f"Backend {self.alias!r} may send this task to {alias!r}, which refuses it: {fault}"
                ) from fault

    def _targets_of(self, queue: str) -> Iterator[str]:
        left = SHARES
        for route in self.settings.ROUTES:
            if route.is_for(queue) and left > 0:
                left -= route.share
                yield route.to
        if left > 0:
            yield self.settings.ELSE

    def new_jobs(self, task: Task, calls: Iterable[Call], unique: "Uniqueness | None" = None) -> list["Job"]:
        """Return a job per call, each on the backend that it is sent to; see `enqueue_many`."""
        sent: dict[str, list[tuple[UUID, Call]]] = {}
        order = []
        for call in calls:
            job_id = new_job_id()
            order.append(job_id)
            sent.setdefault(self.target(task.queue_name, job_id), []).append((job_id, call))
        made = {}
        for alias, its_calls in sent.items():
            jobs = self.carrier(alias).new_jobs(
                task.using(backend=alias), [call for _, call in its_calls], unique
            )
            for job, (job_id, _) in zip(jobs, its_calls, strict=True):
                job.id = job_id
                made[job_id] = job
        return [made[job_id] for job_id in order]

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        """Return what is wrong with the backends that jobs are sent to."""
        faults: list[checks.CheckMessage] = [*super().check(**kwargs)]
        carriers = {}
        for alias in self.targets:
            try:
                carriers[alias] = self.carrier(alias)
            except InvalidTaskBackend as fault:
                faults.append(
                    checks.Error(
                        str(fault),
                        hint=f"Correct the name in TASKS[{self.alias!r}]['OPTIONS'], or give TASKS a backend "
                        f"{alias!r} with an engine.",
                        id="taskyard.E003",
                    )
                )
        for route in self.settings.ROUTES:
            carrier = carriers.get(route.to)
            if route.queue and carrier and carrier.queues and route.queue not in carrier.queues:
                faults.append(
                    checks.Error(
                        f"TASKS[{self.alias!r}]['OPTIONS'] sends the jobs of queue {route.queue!r} to "
                        f"{route.to!r}, which has no such queue.",
                        hint=f"Put {route.queue!r} in TASKS[{route.to!r}]['QUEUES'].",
                        id="taskyard.E004",
                    )
                )
        return faults

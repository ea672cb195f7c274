"""The backend base class: all of a job's life that is not an engine's business.

An adapter is a subclass that delivers ids to its engine and starts the engine's own worker; see
`JobBackend` for the few methods it must bring. Nothing here imports the models at module level: `@task`
makes a backend while modules load, before Django's app registry is ready.
"""

import logging
import sys
from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from asgiref.sync import sync_to_async
from django.core.checks import CheckMessage

from .breaker import breaker_for
from .compat import (
    InvalidTask,
    InvalidTaskBackend,
    Task,
    task_backends,
)
from .enqueueing import Call, EnqueueingBackend
from .ids import new_job_id
from .keeping import USUAL_RETENTION, Retention, check_retention
from .payload import storable
from .policy import policy_of

if TYPE_CHECKING:
    from .delivery import Delivery
    from .models import Job
    from .unique import Uniqueness

logger = logging.getLogger(__name__)

LONGEST_TASK_PATH = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendOptions:
    """What `TASKS[alias]["OPTIONS"]` may hold on every engine; an adapter's own options extend it."""

    MAX_ARGUMENT_BYTES: int = 256 * 1024
    """The most that a job's arguments may take as JSON."""

    MAX_RESULT_BYTES: int = 256 * 1024
    """The most that a return value may take as JSON."""

    RETENTION: Retention = USUAL_RETENTION
    """How long finished jobs are kept where their task's policy does not say: a time, or times by state."""

    PROMOTE_AFTER: timedelta | None = timedelta(hours=1)
    """How long a job may wait behind more urgent ones of its queue; then it becomes as urgent as they. None:
    for ever."""

    REDACT: str | None = None
    """Dotted path of the function that says what may be shown of a job's arguments; None: what is not named
    like a secret. See `taskyard.operating.redaction`."""

    def __post_init__(self) -> None:
        if self.PROMOTE_AFTER is not None and (
            not isinstance(self.PROMOTE_AFTER, timedelta) or timedelta(0) >= self.PROMOTE_AFTER
        ):
            raise ValueError("PROMOTE_AFTER must be a timedelta above 0, or None.")
        for name in ("MAX_ARGUMENT_BYTES", "MAX_RESULT_BYTES"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ValueError(f"{name} must be a whole number of bytes above 0.")
        if self.REDACT is not None and not isinstance(self.REDACT, str):
            raise ValueError("REDACT must be the dotted path of a function, or None.")
        try:
            check_retention(self.RETENTION)
        except ValueError as fault:
            raise ValueError(f"RETENTION: {fault}") from fault


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """How `manage.py worker` is to run an engine's worker in this process."""

    queues: tuple[str, ...] = ()
    """The queues to serve; empty: all of the backend's."""

    concurrency: int = 4
    """How many jobs run at once in this process."""

    burst: bool = False
    """Stop once nothing is waiting and nothing runs."""

    grace: float = 30.0
    """Seconds that running jobs get to finish when the worker is told to stop."""

    max_jobs: int | None = None
    """Replace the process after so many jobs."""

    max_memory_mib: int | None = None
    """Replace the process once it holds so much memory, in MiB."""

    name: str = field(default="")
    """What operators see; empty: host and process id."""


class JobBackend(EnqueueingBackend):
    """A Django task backend whose jobs live in the database and are run by one engine.

    A subclass brings `engine`, `deliver`, `start_worker` and `queue_depths`; where it has options of
    its own, also `options_class`, and for dangerous settings of its engine `check`.
    """

    engine: ClassVar[str]
    """The engine's name, as metrics and messages show it."""

    options_class: ClassVar[type[BackendOptions]] = BackendOptions
    """Declares the keys that OPTIONS may have."""

    leases_deliveries: ClassVar[bool] = True
    """Whether a delivery can get lost on its way and must be watched. False where the engine's queue is
    the jobs' table itself."""

    settings: BackendOptions
    """The options as read from TASKS."""

    def __init__(self, alias: str, params: dict[str, Any]) -> None:
        super().__init__(alias, params)
        self.settings = self._read_options()

    def _read_options(self) -> BackendOptions:
        known = [each.name for each in fields(self.options_class)]
        unknown = sorted(set(self.options) - set(known))
        where = f"TASKS[{self.alias!r}]['OPTIONS']"
        if unknown:
            raise InvalidTaskBackend(
                f"{where} has unknown keys: {', '.join(unknown)}. "
                f"{type(self).__name__} knows {', '.join(known)}."
            )
        try:
            return self.options_class(**self.options)
        except (TypeError, ValueError) as error:
            raise InvalidTaskBackend(f"{where}: {error}") from error

    # --- what an adapter brings ---

    @abstractmethod
    def deliver(self, batch: Sequence["Delivery"]) -> None:
        """Hand committed jobs to the engine, one message each, in one round trip where it can.

        Must not block without bound. Whatever it raises, the dispatcher tries again later.
        """

    async def adeliver(self, batch: Sequence["Delivery"]) -> None:
        """See `deliver`; an engine with an async client overrides this."""
        await sync_to_async(self.deliver)(batch)

    @abstractmethod
    def start_worker(self, options: WorkerOptions) -> int:
        """Run this engine's own worker in this process until it is told to stop; return the exit code."""

    @abstractmethod
    def queue_depths(self) -> dict[str, int]:
        """Return how many messages wait in the engine, by queue; a queue that is left out is empty."""

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        """Return what is wrong with the settings, each with a hint."""
        return []

    # --- Django's contract ---

    def validate_task(self, task: Task) -> None:
        """See Django's `BaseTaskBackend.validate_task`.

        Raises:
            InvalidTask: also for a task whose dotted path does not fit the jobs' table.
        """
        super().validate_task(task)
        if task.func.__qualname__ != task.func.__name__ or not task.func.__name__.isidentifier():
            raise InvalidTask(
                "Task function must be defined at a module level, under a name of its own: "
                f"{task.module_path!r} cannot be imported."
            )
        if len(task.module_path) > LONGEST_TASK_PATH:
            raise InvalidTask(f"The path {task.module_path!r} is longer than {LONGEST_TASK_PATH} characters.")

    # --- how a job comes to be ---

    def new_jobs(self, task: Task, calls: Iterable[Call], unique: "Uniqueness | None" = None) -> list["Job"]:
        """Return a job per call, checked and ready to be inserted; see `enqueue_many`."""
        from .models import Job  # noqa: PLC0415

        self.validate_task(task)
        unique = unique or policy_of(task).unique
        _check_workers_will_find(task)
        what = f"The arguments of {task.module_path} do"
        limit = self.settings.MAX_ARGUMENT_BYTES
        jobs = []
        for args, kwargs in calls:
            arguments = storable(what, [list(args), dict(kwargs)], limit, "MAX_ARGUMENT_BYTES")
            jobs.append(
                Job(
                    id=new_job_id(),
                    task=task.module_path,
                    args=arguments[0],
                    kwargs=arguments[1],
                    backend=self.alias,
                    queue=task.queue_name,
                    priority=task.priority,
                    run_after=task.run_after,
                    unique_key=None if unique is None else unique.key_of(task, *arguments),
                )
            )
        return jobs

    def carrier(self, alias: str) -> "JobBackend":
        """Return this backend, which carries its own jobs."""
        return self

    # --- delivering directly ---

    def deliver_now(self, batch: list["Delivery"]) -> None:
        """Deliver jobs that were just committed; what fails is left to the dispatcher."""
        try:
            self.deliver(batch)
        except Exception as error:
            self._leave_to_dispatcher(batch, error)

    async def adeliver_now(self, batch: list["Delivery"]) -> None:
        """See `deliver_now`; does not block the event loop."""
        try:
            await self.adeliver(batch)
        except Exception as error:
            await sync_to_async(self._leave_to_dispatcher)(batch, error)

    def _leave_to_dispatcher(self, batch: list["Delivery"], error: Exception) -> None:
        from .delivery import hand_back  # noqa: PLC0415

        pause = breaker_for(self.alias).trip()
        logger.warning(
            "%d jobs could not be delivered to %s (backend %r). They are safe in the database and the "
            "dispatcher delivers them. Direct delivery pauses for %.0f s.",
            len(batch),
            self.engine,
            self.alias,
            pause,
            exc_info=error,
        )
        if self.leases_deliveries:
            hand_back(batch)


def job_backends(
    on_fault: Callable[[str, InvalidTaskBackend], object] = lambda *_: None,
) -> dict[str, JobBackend]:
    """Return the site's backends that are Taskyard's, by alias.

    Args:
        on_fault: told of one that cannot be made, and why; it is left out. Whoever uses it is told as well.
    """
    found = {}
    for alias in task_backends:
        try:
            backend = task_backends[alias]
        except InvalidTaskBackend as fault:
            on_fault(alias, fault)
            continue
        if isinstance(backend, JobBackend):
            found[alias] = backend
    return found


def _check_workers_will_find(task: Task) -> None:
    """Refuse a task that no other process could import by its path.

    Raises:
        InvalidTask: saying why.
    """
    module = task.func.__module__
    if module == "__main__":
        raise InvalidTask(
            f"{task.name} is defined in the script that is being run, where no worker can import it from. "
            "Move it to a module, such as an app's tasks.py."
        )
    found = getattr(sys.modules.get(module), task.name, None)
    if not isinstance(found, Task) or found.func is not task.func:
        raise InvalidTask(
            f"A worker would look for this task at {task.module_path!r}, and there is {found!r}. Let the "
            "task have its function's name: @task above the function does."
        )

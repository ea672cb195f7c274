"""Enqueueing: from the call of a task to its job's row, and on to the engine once that is committed.

Nothing here imports the models at module level, see `taskyard.backend`.
"""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from asgiref.sync import sync_to_async

from .breaker import breaker_for
from .compat import BaseTaskBackend, Task, task_enqueued
from .metadata import present_metadata
from .ownership import owner_of
from .payload import storable
from .policy import policy_of
from .signals import jobs_created
from .tags import tags_of

if TYPE_CHECKING:
    from .backend import JobBackend
    from .delivery import Delivery
    from .models import Job
    from .results import JobResult
    from .unique import Uniqueness

Call = tuple[Sequence[Any], Mapping[str, Any]]
"""One call of a task: its positional and its keyword arguments."""


class EnqueueingBackend(BaseTaskBackend):
    """A Django task backend that puts jobs into the database and has them delivered.

    A subclass says what jobs the calls of a task become, and which backend carries them to an engine.
    """

    supports_defer = True
    supports_async_task = True
    supports_get_result = True
    supports_priority = True

    # --- what a subclass brings ---

    @abstractmethod
    def new_jobs(self, task: Task, calls: Iterable[Call], unique: "Uniqueness | None" = None) -> list["Job"]:
        """Return a job per call, checked and ready to be inserted; see `enqueue_many`."""

    @abstractmethod
    def carrier(self, alias: str) -> "JobBackend":
        """Return the backend that delivers jobs whose `backend` is this alias."""

    # --- Django's contract ---

    def enqueue(self, task: Task, args: Sequence[Any], kwargs: Mapping[str, Any]) -> "JobResult":
        """Insert one job and have it delivered once the caller's transaction commits."""
        return self.enqueue_many(task, [(args, kwargs)])[0]

    async def aenqueue(self, task: Task, args: Sequence[Any], kwargs: Mapping[str, Any]) -> "JobResult":
        """See `enqueue`; does not block the event loop."""
        return (await self.aenqueue_many(task, [(args, kwargs)]))[0]

    def enqueue_many(
        self, task: Task, calls: Iterable[Call], unique: "Uniqueness | None" = None
    ) -> list["JobResult"]:
        """Insert a job per call, many in one statement, and deliver them together.

        Args:
            task: what to call.
            calls: the arguments of each call.
            unique: what makes them unique, in place of what the task's policy says.
        """
        return self.enqueue_jobs(task, self.new_jobs(task, calls, unique), unique)

    async def aenqueue_many(self, task: Task, calls: Iterable[Call]) -> list["JobResult"]:
        """See `enqueue_many`; does not block the event loop."""
        jobs = self.new_jobs(task, calls)
        results, deliveries = await sync_to_async(self._insert_for_async)(task, jobs)
        for result in _news(results):
            await task_enqueued.asend_robust(sender=type(self.carrier(result.backend)), task_result=result)
        for carrier, batch in self._by_carrier(deliveries):
            await carrier.adeliver_now(batch)
        return results

    def enqueue_jobs(
        self, task: Task, jobs: Sequence["Job"], unique: "Uniqueness | None" = None
    ) -> list["JobResult"]:
        """Insert jobs that `new_jobs` made, announce and deliver them; see `enqueue_many`.

        One whose schedule's slot has a job already has no result.
        """
        results, deliveries = self._insert(task, jobs, unique)
        for result in _news(results):
            task_enqueued.send_robust(sender=type(self.carrier(result.backend)), task_result=result)
        self._deliver_on_commit(deliveries)
        return results

    def get_result(self, result_id: str) -> "JobResult":
        """Return a job's result by its id, whichever backend the job is on.

        Raises:
            TaskResultDoesNotExist: for an unknown or malformed id.
            TaskNotFound: where the job's task cannot be imported any more.
        """
        from .results import find_job, result_of  # noqa: PLC0415

        return result_of(find_job(result_id))

    async def aget_result(self, result_id: str) -> "JobResult":
        """See `get_result`."""
        return await sync_to_async(self.get_result)(result_id)

    # --- how a job comes to be ---

    def _insert(
        self, task: Task, jobs: Sequence["Job"], unique: "Uniqueness | None" = None
    ) -> tuple[list["JobResult"], list["Delivery"]]:
        """Insert the jobs and return their results, and which of them to deliver directly."""
        from .database import jobs_connection  # noqa: PLC0415
        from .delivery import delivery_of  # noqa: PLC0415
        from .insertion import insert  # noqa: PLC0415
        from .standing_in import insert_or_find  # noqa: PLC0415

        self._add_metadata(task, jobs)
        unique = unique or policy_of(task).unique
        kept_for = None if unique is None else unique.at_least
        connection = jobs_connection()
        # Where the site commits by hand nobody tells us when; the dispatcher sees the rows once they exist.
        tells_of_commits = connection.in_atomic_block or connection.get_autocommit()
        carriers = {alias: self.carrier(alias) for alias in {job.backend for job in jobs}}
        leased = {alias for alias, carrier in carriers.items() if carrier.leases_deliveries}
        at_once = {alias for alias in carriers if tells_of_commits and not breaker_for(alias).is_open}
        standing = insert_or_find(
            jobs, lambda new: insert(new, leased=leased, at_once=at_once, unique_for=kept_for)
        )
        new = [job for job, stands in zip(jobs, standing, strict=True) if job is stands]
        direct = [delivery_of(job) for job in new if job.backend in at_once and job.run_after is None]
        if connection.in_atomic_block and len(new) < len(jobs):
            self._look_again(task, jobs, standing, unique)
        return _results(task, jobs, standing), direct

    def _look_again(
        self,
        task: Task,
        jobs: Sequence["Job"],
        standing: Sequence["Job | None"],
        unique: "Uniqueness | None",
    ) -> None:
        """Have the stand-ins looked at after the commit that could start before it."""
        from .standing_in import look_again_on_commit  # noqa: PLC0415

        if unique is None or unique.during != "waiting":
            return
        new = {job.id for job in jobs}
        stood_for = [
            job
            for job, stands in zip(jobs, standing, strict=True)
            if stands is not None and stands.id not in new
        ]
        look_again_on_commit(stood_for, partial(self.enqueue_jobs, task, unique=unique))

    def _add_metadata(self, task: Task, jobs: Sequence["Job"]) -> None:
        metadata = present_metadata()
        if tags := dict.fromkeys([*policy_of(task).tags, *tags_of(metadata)]):
            metadata["tags"] = list(tags)
        for alias, its_jobs in _by_backend(jobs).items():
            carrier = self.carrier(alias)
            kept: dict[str, Any] = metadata
            if metadata:
                what, limit = f"The metadata for {task.module_path} do", carrier.settings.MAX_ARGUMENT_BYTES
                kept = storable(what, metadata, limit, "MAX_ARGUMENT_BYTES")
            for job in its_jobs:
                job.metadata = job.metadata or kept
                job.owner = owner_of(job.metadata)
            jobs_created.send_robust(sender=type(carrier), task=task, jobs=its_jobs)

    def _insert_for_async(
        self, task: Task, jobs: Sequence["Job"]
    ) -> tuple[list["JobResult"], list["Delivery"]]:
        """Insert as `_insert` does; within a transaction the delivery waits for its commit."""
        from .database import jobs_connection  # noqa: PLC0415

        results, deliveries = self._insert(task, jobs)
        if jobs_connection().in_atomic_block:
            self._deliver_on_commit(deliveries)
            deliveries = []
        return results, deliveries

    def _deliver_on_commit(self, deliveries: Sequence["Delivery"]) -> None:
        from .outbox import deliver_on_commit  # noqa: PLC0415

        for carrier, batch in self._by_carrier(deliveries):
            deliver_on_commit(carrier.deliver_now, batch)

    def _by_carrier(
        self, deliveries: Sequence["Delivery"]
    ) -> Iterator[tuple["JobBackend", list["Delivery"]]]:
        for alias, batch in _by_backend(deliveries).items():
            yield self.carrier(alias), batch


OfBackend = TypeVar("OfBackend", "Job", "Delivery")


def _by_backend(items: Iterable[OfBackend]) -> dict[str, list[OfBackend]]:
    found: dict[str, list[OfBackend]] = {}
    for item in items:
        found.setdefault(item.backend, []).append(item)
    return found


def _results(task: Task, jobs: Sequence["Job"], standing: Sequence["Job | None"]) -> list["JobResult"]:
    from .results import result_of  # noqa: PLC0415

    new = {job.id for job in jobs if job.backend == task.backend}
    return [
        result_of(stands, task if stands.id in new else None, is_duplicate=stands is not job)
        for job, stands in zip(jobs, standing, strict=True)
        if stands is not None
    ]


def _news(results: Iterable["JobResult"]) -> list["JobResult"]:
    """Leave out the jobs that were there before."""
    return [result for result in results if not result.is_duplicate]

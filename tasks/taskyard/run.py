"""A claimed job on its way through one attempt: what to call, and what its end means."""

import inspect
import logging
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from . import history, payload
from .backend import JobBackend
from .compat import InvalidTaskBackend, Task, TaskError, TaskResultStatus, task_backends
from .exceptions import BadArguments, Cancelled, CancelRequested, Snooze, TaskNotFound
from .fields import CorruptJSON
from .keeping import kept_for
from .models import Job
from .policy import DEFAULT_POLICY, Policy, policy_of
from .progress import Progress, ProgressSlot
from .results import JobContext, JobResult, result_of, task_of
from .states import FINISHED, TRANSITIONS, Event, JobState
from .transitions import Outcome

T = TypeVar("T")

logger = logging.getLogger(__name__)

_SHOWN = {
    Event.SUCCEED: TaskResultStatus.SUCCESSFUL,
    Event.FAIL: TaskResultStatus.FAILED,
    Event.CANCEL: TaskResultStatus.FAILED,
    Event.RETRY: TaskResultStatus.READY,
    Event.RESCUE: TaskResultStatus.READY,
}

LONGEST_DELAY = 365 * 24 * 3600.0
"""Seconds that a backoff may ask for at most; beyond the calendar no database can follow."""


@dataclass(slots=True)
class Run:
    """A claimed job on its way through one attempt."""

    job: Job
    backend: JobBackend
    task: Task | None = None
    fault: TaskNotFound | None = None
    """Why there is no task."""

    policy: Policy = DEFAULT_POLICY
    result: JobResult | None = None
    """The job as the task's context and the signals show it; None where there is no task."""

    progress: ProgressSlot = field(default_factory=ProgressSlot)
    started: float = field(default_factory=time.monotonic)

    @property
    def is_async(self) -> bool:
        """Whether the task wants an event loop."""
        return self.task is not None and inspect.iscoroutinefunction(self.task.func)

    def call(self) -> Any:
        """Call the task on this thread and return what it returns.

        Raises:
            TaskNotFound, BadArguments: where there is nothing to call, or not with these arguments.
        """
        task, args, kwargs = self._ready_to_call()
        return task.call(*args, **kwargs)

    async def acall(self) -> Any:
        """See `call`."""
        task, args, kwargs = self._ready_to_call()
        return await task.acall(*args, **kwargs)

    def _ready_to_call(self) -> tuple[Task, list[Any], dict[str, Any]]:
        if self.fault is not None:
            raise self.fault
        assert self.task is not None
        assert self.result is not None
        args = self._readable("args", self.job.args, list)
        kwargs = self._readable("kwargs", self.job.kwargs, dict)
        if self.task.takes_context:
            args = [JobContext(task_result=self.result), *args]
        try:
            inspect.signature(self.task.func).bind(*args, **kwargs)
        except TypeError as error:
            raise BadArguments(
                f"The arguments of job {self.job.id} do not fit {self.job.task}: {error}. Was its signature "
                "changed while jobs were waiting? Give new parameters a default."
            ) from error
        return self.task, args, kwargs

    def _readable(self, column: str, value: Any, kind: type[T]) -> T:
        if isinstance(value, CorruptJSON):
            raise BadArguments(
                f"The column {column} of job {self.job.id} is no JSON: {value.fault}. "
                "Correct the row or enqueue the job anew."
            )
        if not isinstance(value, kind):
            raise BadArguments(
                f"The column {column} of job {self.job.id} holds {type(value).__name__}, not {kind.__name__}."
            )
        return value

    # --- how it ended ---

    def succeeded(self, value: Any) -> Outcome:
        """Return the outcome of a task that returned.

        Raises:
            TypeError, ValueError: where the value cannot be stored as JSON.
        """
        limit = self.backend.settings.MAX_RESULT_BYTES
        what = f"The return value of {self.job.task} does"
        storable = payload.storable(what, value, limit, "MAX_RESULT_BYTES")
        return self._outcome(Event.SUCCEED, self.job.history(), return_value=storable)

    def ended_by(self, error: BaseException) -> Outcome:
        """Return the outcome of a task that raised, by what it raised."""
        if isinstance(error, CancelRequested):
            return self.cancelled()
        return self.snoozed(error) if isinstance(error, Snooze) else self.failed(error)

    def failed(self, error: BaseException) -> Outcome:
        """Return the outcome of a task that raised: another attempt if its policy grants one, or the end."""
        entries = history.ended(self.job, history.FAILED, error, self.ended_at())
        failures = history.count(entries, history.FAILED)
        if not self.policy.retries(error, failures):
            return self._outcome(Event.FAIL, entries)
        try:
            delay = min(max(0.0, self.policy.delay(error, failures)), LONGEST_DELAY)
        except Exception as fault:
            fault.add_note(f"Raised by the backoff of {self.job.task}; its job is not tried again.")
            logger.exception("The backoff of %s raised; job %s fails.", self.job.task, self.job.id)
            return self._outcome(Event.FAIL, entries)
        return self._outcome(Event.RETRY, entries, delay=delay)

    def cancelled(self) -> Outcome:
        """Return the outcome of a task that was stopped because somebody does not want it any more."""
        error = Cancelled(f"Job {self.job.id} was cancelled while it ran.")
        return self._outcome(Event.CANCEL, history.ended(self.job, history.CANCELLED, error, self.ended_at()))

    def snoozed(self, snooze: Snooze) -> Outcome:
        """Return the outcome of a task that puts itself off."""
        delay = min(snooze.delay, LONGEST_DELAY)
        now = self.ended_at()
        entries = history.snoozed(self.job, now and now + timedelta(seconds=delay))
        return self._outcome(Event.SNOOZE, entries, delay=delay)

    def released(self) -> Outcome:
        """Return the outcome of an attempt that is handed back uncounted."""
        return self._outcome(Event.RELEASE, self.job.history())

    def _outcome(
        self, event: Event, entries: list[history.Entry], *, return_value: Any = None, delay: float = 0
    ) -> Outcome:
        target = TRANSITIONS[event].target
        progress = self.progress.latest
        if progress is None and isinstance(self.job.progress, CorruptJSON):
            progress = Progress(0)  # SQLite would check the old text anew and refuse the outcome
        return Outcome(
            job_id=self.job.id,
            attempt=self.job.attempt,
            event=event,
            return_value=return_value,
            history=entries,
            progress=None if progress is None else progress.as_json(),
            delay=delay,
            retention=self.retention_in(target).total_seconds() if target in FINISHED else 0,
            schedule=self.job.schedule_id,
        )

    def retention_in(self, state: JobState) -> timedelta:
        """Return how long the job is kept once it has finished in this state."""
        return kept_for(state, self.policy.retention, self.backend.settings.RETENTION)

    def ended_at(self) -> datetime | None:
        """Return the present time by the database's clock, reckoned from the claim it timed."""
        start = self.job.last_attempted_at
        return start and start + timedelta(seconds=time.monotonic() - self.started)

    def show(self, outcome: Outcome) -> None:
        """Make `result` show an outcome that others are told of: the end, or that it is tried again."""
        if self.result is None:
            return
        status = _SHOWN[outcome.event]
        object.__setattr__(self.result, "status", status)
        object.__setattr__(self.result, "finished_at", self.ended_at() if self.result.is_finished else None)
        object.__setattr__(self.result, "_return_value", outcome.return_value)
        if status != TaskResultStatus.SUCCESSFUL:
            error = outcome.history[-1]["error"]
            self.result.errors.append(
                TaskError(exception_class_path=error["type"], traceback=error["traceback"])
            )


def prepare(job: Job) -> Run:
    """Make a claimed job ready for its attempt; a task that cannot be found is the attempt's to report.

    Raises:
        InvalidTaskBackend: where TASKS does not name the job's backend, or names one of somebody else's.
    """
    backend = task_backends[job.backend]
    if not isinstance(backend, JobBackend):
        raise InvalidTaskBackend(f"TASKS[{job.backend!r}] is none of Taskyard's backends.")
    run = Run(job=job, backend=backend)
    try:
        run.task = task_of(job)
    except TaskNotFound as fault:
        run.fault = fault
    else:
        run.policy = policy_of(run.task)
        run.result = result_of(job, run.task)
    return run

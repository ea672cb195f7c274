"""A job as Django's `TaskResult` shows it, and the task behind its dotted path."""

from dataclasses import dataclass, field, fields
from importlib import import_module
from typing import Any

from . import history
from .compat import Task, TaskContext, TaskError, TaskResult, TaskResultDoesNotExist, TaskResultStatus
from .database import explained_errors
from .exceptions import Cancelled, TaskNotFound
from .fields import CorruptJSON
from .ids import parse_job_id
from .models import Job
from .states import JobState


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult(TaskResult):  # type: ignore[misc] # frozen, whatever the stubs say
    """Django's `TaskResult`, and what Taskyard knows beyond it."""

    is_duplicate: bool = field(default=False, compare=False)
    """Whether `enqueue` made no job, since this one does for a unique task."""

    metadata: dict[str, Any] = field(default_factory=dict, compare=False)
    """What travels with the job; see `taskyard.job_metadata`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobContext(TaskContext):  # type: ignore[misc] # likewise
    """Django's `TaskContext`, with the job's metadata as Django's proposal for them has it."""

    @property
    def metadata(self) -> dict[str, Any]:
        """What travels with the job."""
        assert isinstance(self.task_result, JobResult)
        return self.task_result.metadata


_STATUS = {
    JobState.READY: TaskResultStatus.READY,
    JobState.RUNNING: TaskResultStatus.RUNNING,
    JobState.SUCCESSFUL: TaskResultStatus.SUCCESSFUL,
    JobState.FAILED: TaskResultStatus.FAILED,
    # Django's framework has no word for it; the error says what happened.
    JobState.CANCELLED: TaskResultStatus.FAILED,
}


def find_job(result_id: object) -> Job:
    """Return the job with this id.

    Raises:
        TaskResultDoesNotExist: where there is none, or the id is malformed.
    """
    job_id = parse_job_id(result_id)
    with explained_errors():
        job = Job.objects.filter(pk=job_id).first() if job_id else None
    if job is None:
        raise TaskResultDoesNotExist(f"There is no job {str(result_id)[:100]!r}. It may have been pruned.")
    return job


def result_of(job: Job, task: Task | None = None, *, is_duplicate: bool = False) -> JobResult:
    """Return a job as a `TaskResult`; `task` saves looking it up again.

    Raises:
        TaskNotFound: where its task cannot be imported any more.
    """
    result: JobResult = JobResult(
        task=task or task_of(job),
        id=str(job.id),
        status=_STATUS[JobState(job.state)],
        enqueued_at=job.enqueued_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        last_attempted_at=job.last_attempted_at,
        args=_readable(job.args, []),
        kwargs=_readable(job.kwargs, {}),
        backend=job.backend,
        errors=_errors(job),
        worker_ids=_worker_ids(job),
        is_duplicate=is_duplicate,
        metadata=job.metadata if isinstance(job.metadata, dict) else {},
    )
    object.__setattr__(result, "_return_value", _readable(job.return_value, None))
    return result


def task_of(job: Job) -> Task:
    """Return the task of a job, with the queue, priority, backend and time it was enqueued with.

    Raises:
        TaskNotFound: where it cannot be imported, or the path leads to something else.
    """
    task = _import_task(job)
    wanted: dict[str, Any] = {
        "queue_name": job.queue,
        "priority": job.priority,
        "backend": job.backend,
        "run_after": job.run_after,
    }
    if all(getattr(task, name) == value for name, value in wanted.items()):
        return task
    # Not task.using(): it validates, and a job may be older than the present QUEUES.
    copy = object.__new__(type(task))
    for each in fields(task):
        object.__setattr__(copy, each.name, wanted.get(each.name, getattr(task, each.name)))
    return copy


def _import_task(job: Job) -> Task:
    module_path, _, name = job.task.rpartition(".")
    try:
        found = getattr(import_module(module_path), name)
    except Exception as error:  # a module may raise anything while it loads
        raise TaskNotFound(
            f"Job {job.id} wants the task {job.task!r}, which cannot be imported: {error}. Was it moved or "
            "renamed? Keep the old name as an alias until its jobs are done."
        ) from error
    if not isinstance(found, Task):
        raise TaskNotFound(
            f"Job {job.id} wants the task {job.task!r}, which is a {type(found).__name__}, no task. "
            "Decorate it with @task."
        )
    return found


def _readable(value: Any, otherwise: Any) -> Any:
    return otherwise if isinstance(value, CorruptJSON) else value


def _errors(job: Job) -> list[TaskError]:
    errors = [
        TaskError(exception_class_path=entry["error"]["type"], traceback=entry["error"]["traceback"])
        for entry in job.history()
        if "error" in entry
    ]
    if job.state == JobState.CANCELLED and not _ended_in_history(job):
        errors.append(TaskError(exception_class_path=f"{Cancelled.__module__}.Cancelled", traceback=""))
    return errors


def _worker_ids(job: Job) -> list[str]:
    ids = [entry["worker"] for entry in job.history() if "worker" in entry]
    if job.state in {JobState.RUNNING, JobState.SUCCESSFUL}:
        ids.append(job.worker)
    return ids


def _ended_in_history(job: Job) -> bool:
    entries = job.history()
    return bool(entries) and entries[-1].get("outcome") == history.CANCELLED

"""What keeps a job, and what an operator can do about it, in plain words."""

from collections.abc import Callable, Iterator
from datetime import timedelta

from taskyard import history
from taskyard.database import DatabaseNow, explained_errors, jobs_alias
from taskyard.exceptions import GiveUp, JobTimeout, TaskNotFound
from taskyard.models import Job
from taskyard.operating.presenting import age, shown_state, span
from taskyard.pauses import paused_queues
from taskyard.policy import Policy, policy_of
from taskyard.results import task_of
from taskyard_workers.fleet import SILENCE
from taskyard_workers.models import WorkerProcess


def advice(job: Job) -> list[str]:
    """Return what is to be said, in sentences; nothing where all is as it should be."""
    return list(_BY_STATE.get(shown_state(job), _nothing)(job))


def _nothing(_: Job) -> Iterator[str]:
    yield from ()


def _scheduled(_: Job) -> Iterator[str]:
    yield "It starts when it is due, as it was asked to; “Run now” starts it at once."


def _retrying(job: Job) -> Iterator[str]:
    yield f"{_tries(job)} The next one starts when it is due; “Run now” starts it at once."


def _cancelling(job: Job) -> Iterator[str]:
    yield (
        f"Its worker was asked {age(job.cancel_requested_at)} to stop it. A task is interrupted at its next "
        "step in Python; one that sits in a long call into C stops after that call."
    )


def _cancelled(_: Job) -> Iterator[str]:
    yield "It was cancelled and does not run by itself. A retry starts it with the same arguments."


def _failed(job: Job) -> Iterator[str]:
    policy = _policy(job)
    if policy is None:
        yield (
            f"The task {job.task} cannot be imported here. Was it moved or renamed? Keep the old name as an "
            "alias until its jobs are done; then retry."
        )
        return
    last = (job.history() or [{}])[-1]
    kind = last.get("error", {}).get("type", "")
    if last.get("outcome") == history.LOST:
        yield (
            "Its worker died under it, again and again, so it counts as the culprit. Look at that worker's "
            "log and at the machine's memory before you retry: it may take the next worker with it."
        )
    elif kind == f"{JobTimeout.__module__}.{JobTimeout.__name__}" and policy.timeout is not None:
        yield (
            f"It ran longer than its timeout of {span(timedelta(seconds=policy.timeout))}. Give it less to "
            "do at once, or raise timeout= in its @policy; then retry."
        )
    elif kind == f"{GiveUp.__module__}.{GiveUp.__name__}":
        yield "The task itself said that trying again is no use. Change what it complains of, then retry."
    else:
        yield f"{_tries(job)} It is not tried again by itself."
        yield (
            "Read the end of the newest traceback below. Once its cause is gone, retry: the job starts with "
            "the same arguments and a fresh count of attempts."
        )


def _waiting(job: Job) -> Iterator[str]:
    paused = paused_queues().get(job.queue)
    if paused is not None:
        by = f" by {paused.paused_by}" if paused.paused_by else ""
        yield f"Queue {job.queue} was paused {age(paused.paused_at)}{by}. The job starts once it is resumed."
    if not _is_served(job):
        yield (
            f"No living worker takes jobs from queue {job.queue} of backend {job.backend}. Start one: "
            f"manage.py worker --backend {job.backend} --queues {job.queue}"
        )


def _running(job: Job) -> Iterator[str]:
    worker = WorkerProcess.objects.using(jobs_alias()).filter(pk=job.worker)
    with explained_errors():
        beat_at = worker.filter(beat_at__lt=DatabaseNow() - SILENCE).values_list("beat_at", flat=True).first()
    if beat_at is not None:
        yield (
            f"Its worker gave its last sign of life {age(beat_at)}. If it stays silent the job is taken from "
            "it and runs elsewhere, within a minute."
        )


_BY_STATE: dict[str, Callable[[Job], Iterator[str]]] = {
    "waiting": _waiting,
    "scheduled": _scheduled,
    "retrying": _retrying,
    "running": _running,
    "cancelling": _cancelling,
    "failed": _failed,
    "cancelled": _cancelled,
}


def _is_served(job: Job) -> bool:
    alive = WorkerProcess.objects.using(jobs_alias()).filter(
        backend=job.backend, lost_at=None, beat_at__gte=DatabaseNow() - SILENCE
    )
    with explained_errors():
        return any(not queues or job.queue in queues for queues in alive.values_list("queues", flat=True))


def _tries(job: Job) -> str:
    policy = _policy(job)
    failures = history.count(job.history(), history.FAILED)
    if policy is None or not failures:
        return ""
    if policy.max_attempts == 1:
        return "Its one attempt failed."
    return f"{failures} of the {policy.max_attempts} attempts that its policy allows failed."


def _policy(job: Job) -> Policy | None:
    try:
        return policy_of(task_of(job))
    except TaskNotFound:
        return None

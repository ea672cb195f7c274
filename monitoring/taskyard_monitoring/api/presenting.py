"""A job as callers get it. What tells of the site's insides is for those alone who may see the console."""

from collections.abc import Mapping
from typing import Any

from taskyard.models import Job
from taskyard.operating.presenting import as_data, note, shown_state
from taskyard.states import JobState
from taskyard.tags import tags_of

from .callers import Caller
from .shapes import Attempt, JobDetail, JobSummary

_SHOWN = (
    *("id", "task", "queue", "state", "is_finished", "priority", "attempt", "owner"),
    *("enqueued_at", "run_after", "started_at", "finished_at", "cancel_requested_at"),
)


def summary(job: Job, caller: Caller) -> JobSummary:
    """Return a job as lists have it."""
    return JobSummary(**_summary(job, is_insider=caller.viewer.may_view))


def detail(job: Job, caller: Caller) -> JobDetail:
    """Return all of a job that a caller may see."""
    data, is_insider = as_data(job), caller.viewer.may_view
    return JobDetail(
        **_summary(job, is_insider=is_insider),
        args=data["args"],
        kwargs=data["kwargs"],
        return_value=data["return_value"],
        attempts=[_attempt(entry, is_insider=is_insider) for entry in job.history()],
        last_attempted_at=job.last_attempted_at,
        due_at=job.due_at,
        kept_until=job.prune_at,
        backend=job.backend if is_insider else None,
        worker=job.worker if is_insider else None,
        unique_key=job.unique_key if is_insider else None,
        metadata=data["metadata"] if is_insider and isinstance(data["metadata"], dict) else None,
    )


def _summary(job: Job, *, is_insider: bool) -> dict[str, Any]:
    tells_of_insides = job.state == JobState.FAILED
    return {
        **{name: getattr(job, name) for name in _SHOWN},
        "shown_state": shown_state(job),
        "note": note(job) if is_insider or not tells_of_insides else "",
        "progress": job.progress if isinstance(job.progress, dict) else None,
        "tags": list(tags_of(job.metadata)),
    }


def _attempt(entry: Mapping[str, Any], *, is_insider: bool) -> Attempt:
    error = entry.get("error", {})
    return Attempt(
        attempt=_if(int, entry.get("attempt")),
        outcome=_if(str, entry.get("outcome")),
        started_at=_if(str, entry.get("started_at")),
        ended_at=_if(str, entry.get("ended_at")),
        error=error.get("type"),
        traceback=error.get("traceback") if is_insider else None,
        worker=entry.get("worker") if is_insider else None,
    )


def _if(kind: type, value: Any) -> Any:
    """Return a value of this kind, and None for what other hands may have written instead."""
    return value if isinstance(value, kind) else None

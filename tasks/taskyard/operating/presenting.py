"""A job as people are shown it, on the command line, in the admin and as JSON."""

import json
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from taskyard import history
from taskyard.fields import CorruptJSON
from taskyard.models import Job
from taskyard.states import JobState
from taskyard.tags import tags_of

from .redaction import redacted_call, redacted_value

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))

_FEW = 10
"""Below so many of a unit the next smaller one matters, too."""


def span(length: timedelta) -> str:
    """Return a stretch of time as people say it, such as `42 ms`, `3 min 5 s` or `12 h`."""
    seconds = abs(length.total_seconds())
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    parts: list[str] = []
    for size, unit in _UNITS:
        whole, seconds = divmod(seconds, size)
        if whole or parts:
            parts.append(f"{whole:.0f} {unit}" if whole else "")
        if len(parts) == 2 or whole >= _FEW:
            break
    return " ".join(filter(None, parts))


def age(moment: datetime | None, now: datetime | None = None) -> str:
    """Return how long ago something was, or in how long it will be; "" for never."""
    if moment is None:
        return ""
    distance = (now or timezone.now()) - moment
    return f"{span(distance)} ago" if distance >= timedelta(0) else f"in {span(distance)}"


def shown_state(job: Job) -> str:
    """Return the job's state in the words that people search by, a little finer than the five states."""
    if job.state == JobState.RUNNING and job.cancel_requested_at:
        return "cancelling"
    if job.state != JobState.READY:
        return str(job.state).lower()
    if not _waits_for_its_time(job):
        return "waiting"
    return "retrying" if job.attempt else "scheduled"


def note(job: Job) -> str:
    """Return what is to be said of a job in a line: why it failed, how far it is, when it starts."""
    match job.state:
        case JobState.READY if _waits_for_its_time(job):
            return f"starts {age(job.due_at)}"
        case JobState.RUNNING:
            return ", ".join(filter(None, [f"for {run_time(job)}", shown_progress(job)]))
        case JobState.SUCCESSFUL:
            return f"took {run_time(job)}"
        case JobState.FAILED:
            return last_error(job)
    return ""


def run_time(job: Job) -> str:
    """Return how long the latest attempt took, or takes until now; "" where none began."""
    if job.last_attempted_at is None:
        return ""
    return span((job.finished_at or timezone.now()) - job.last_attempted_at)


def shown_progress(job: Job) -> str:
    """Return a job's progress in words; "" where it has not said."""
    progress = job.progress
    if not isinstance(progress, dict) or not isinstance(progress.get("done"), int):
        return ""
    total = progress.get("total")
    how_far = f"{progress['done']:,}" + (f" of {total:,}" if isinstance(total, int) else "")
    return " ".join(filter(None, [how_far, str(progress.get("message") or "")]))


def last_error(job: Job) -> str:
    """Return the last line of the latest error; "" where there is none."""
    for entry in reversed(job.history()):
        if "error" in entry:
            lines = entry["error"]["traceback"].strip().splitlines()
            return lines[-1] if lines else str(entry["error"]["type"])
    return ""


def moments(job: Job) -> list[tuple[str, datetime]]:
    """Return what happened to a job when, and what is to come, in the order of a job's life."""
    named = (
        ("enqueued", job.enqueued_at),
        ("not before", job.run_after),
        ("delivered", job.delivered_at),
        ("due", job.due_at),
        ("first started", job.started_at),
        ("last started", job.last_attempted_at),
        ("asked to cancel", job.cancel_requested_at),
        ("finished", job.finished_at),
        ("kept until", job.prune_at),
    )
    return [(name, moment) for name, moment in named if moment is not None]


def local_time(moment: datetime) -> datetime:
    """Return a time as people here read it."""
    return timezone.localtime(moment) if timezone.is_aware(moment) else moment


def shown_json(value: Any, *, indent: int | None = None) -> str:
    """Return a JSON column's value as text, also where it is no JSON."""
    if isinstance(value, CorruptJSON):
        return f"{value.text} (no JSON: {value.fault})"
    return json.dumps(value, ensure_ascii=False, indent=indent)


def shown_call(job: Job) -> str:
    """Return the arguments, redacted, as a call would have them, such as `(7, lang="de")`."""
    return as_call(*redacted_call(job))


def as_call(args: list[Any], kwargs: dict[str, Any]) -> str:
    """Return arguments that may be shown as a call would have them."""
    named = [f"{name}={shown_json(value)}" for name, value in kwargs.items()]
    return f"({', '.join([*map(shown_json, args), *named])})"


def shown_return_value(job: Job, *, indent: int | None = None) -> str:
    """Return what the task returned, redacted, as text; "" for nothing."""
    return "" if job.return_value is None else shown_json(redacted_value(job.return_value), indent=indent)


def shown_metadata(job: Job, *, indent: int | None = None) -> str:
    """Return what travels with a job beside its tags, redacted, as text; "" for nothing."""
    metadata = redacted_value(job.metadata)
    if isinstance(metadata, dict):
        metadata.pop("tags", None)
    return shown_json(metadata, indent=indent) if metadata else ""


def shown_tags(job: Job) -> str:
    """Return a job's tags in a line; "" for none."""
    return ", ".join(tags_of(job.metadata))


def shown_attempt(entry: dict[str, Any]) -> str:
    """Return the heading of a history entry, such as `Attempt 2 failed on ada`."""
    outcome = entry.get("outcome", "ended")
    if outcome == history.REQUEUED:
        return "Made due again by an operator"
    if outcome == history.SNOOZED:
        return f"Put off by itself, {entry.get('times', 1)} times, until {entry.get('until', 'later')}"
    worker = f" on {entry['worker']}" if entry.get("worker") else ""
    return f"Attempt {entry.get('attempt', '?')} {outcome}{worker}"


def as_data(job: Job) -> dict[str, Any]:
    """Return all there is to know about a job, redacted, as JSON can hold it."""
    args, kwargs = redacted_call(job)
    return {
        **{name: _plain(getattr(job, name)) for name in _COLUMNS},
        "args": args,
        "kwargs": kwargs,
        "metadata": redacted_value(job.metadata),
        "return_value": redacted_value(job.return_value),
        "shown_state": shown_state(job),
    }


_COLUMNS = (
    *("id", "state", "task", "args", "kwargs", "backend", "queue", "priority", "attempt", "worker"),
    *("enqueued_at", "run_after", "due_at", "delivered_at", "started_at", "last_attempted_at"),
    *("finished_at", "prune_at", "cancel_requested_at", "schedule_id", "slot", "unique_key", "owner"),
    *("metadata", "progress", "return_value", "attempts"),
)


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return value.isoformat()
        case CorruptJSON():
            return value.text
        case None | str() | int() | float() | list() | dict():
            return value
    return str(value)


def _waits_for_its_time(job: Job) -> bool:
    return job.delivered_at is None and job.due_at is not None and job.due_at > timezone.now()

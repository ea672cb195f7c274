"""What is told of a job while somebody looks on."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2s
from typing import Any
from uuid import UUID

from taskyard.models import Job
from taskyard_monitoring.console.jobs_rows import news, shortened

from .news import News

LONGEST_MESSAGE = 200
"""Characters of a progress message that are told."""

UNKNOWN = "unknown"
"""The state of a job that is not there, and of one that is none of the listener's business."""


def job_data(job: Job, *, inside: bool = False) -> dict[str, Any]:
    """Return what is told of a job: never its arguments, its return value or its metadata.

    Args:
        job: may lack those columns.
        inside: also which worker has it and why it failed, for those who may see the console: such words may
            name hosts and hold values.
    """
    data = {
        "id": str(job.pk),
        "task": job.task,
        "queue": job.queue,
        **news(job),
        "progress": _progress(job.progress),
    }
    return data if inside else outside(data)


def outside(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return of what is told inside what everybody may hear."""
    told = {name: value for name, value in data.items() if name != "worker"}
    if told["state"] == "failed":
        told["note"] = ""
    return told


def unknown(job_id: UUID, position: str) -> News:
    """Return that there is no such job."""
    data = {"id": str(job_id), "state": UNKNOWN, "is_finished": False}
    return News("job", data, job_id, position)


def etag_of(data: Mapping[str, Any]) -> str:
    """Return what changes whenever the data does, as HTTP wants it: in quotation marks."""
    text = repr(sorted(data.items()))
    return f'"{blake2s(text.encode(), digest_size=12).hexdigest()}"'


@dataclass(frozen=True, eq=False)
class Change:
    """A job that is no longer as it was, for those inside and those outside."""

    inside: News
    owner: str | None
    """Whose job it is, as `taskyard_monitoring.scope` looks at it."""

    number: int
    """Where in the course of events it stands."""

    @cached_property
    def outside(self) -> News:
        """What everybody may hear."""
        return News("job", outside(self.inside.data), self.inside.topic, self.inside.id)

    @property
    def job(self) -> UUID:
        """Which job it is."""
        return UUID(self.inside.data["id"])

    @property
    def queue(self) -> str:
        """Where it waits or waited."""
        return str(self.inside.data["queue"])


def change(job: Job, number: int, position: str) -> Change:
    """Return how a job is now."""
    return Change(News("job", job_data(job, inside=True), job.pk, position), job.owner, number)


def _progress(progress: Any) -> dict[str, Any] | None:
    """Return how far a job says it is, if it says so in our own way."""
    if not isinstance(progress, dict) or not isinstance(progress.get("done"), int):
        return None
    total, message = progress.get("total"), progress.get("message")
    return {
        "done": progress["done"],
        "total": total if isinstance(total, int) else None,
        "message": shortened(str(message), LONGEST_MESSAGE) if message else "",
    }

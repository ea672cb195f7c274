"""What travels through an engine: a job's id, the site's mark and the format's version, nothing else.

No arguments, so no personal data in the broker and nothing to unpickle. What an engine shows to its own
tools (a name, an id) is the adapter's to add beside it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.crypto import salted_hmac

from .exceptions import JobError
from .ids import parse_job_id

VERSION = 1


class BadMessage(JobError):
    """A message that this version cannot read."""


@dataclass(frozen=True, slots=True)
class Message:
    """What a message says."""

    job_id: UUID
    site: str
    """The mark of the site that sent it."""

    @property
    def is_foreign(self) -> bool:
        """Whether another site sent it, or this one under another SECRET_KEY."""
        return self.site != site_mark()


def site_mark() -> str:
    """Return what tells this site's messages from those of others: a trace of its SECRET_KEY."""
    return salted_hmac("taskyard.message", "site", algorithm="sha256").hexdigest()[:12]


def encode(job_id: UUID) -> dict[str, Any]:
    """Return the message for a job."""
    return {"v": VERSION, "job": str(job_id), "site": site_mark()}


def decode(message: object) -> Message:
    """Return what a message says.

    Raises:
        BadMessage: saying what is wrong with it. The job itself is safe: its lease runs out and the
            dispatcher delivers it again.
    """
    if not isinstance(message, Mapping) or "v" not in message:
        raise BadMessage(f"This is no message of Taskyard's: {str(message)[:200]!r}.")
    if message["v"] != VERSION:
        raise BadMessage(
            f"The message has format {message['v']!r}, this worker reads {VERSION}: it runs another version "
            "of Taskyard than whoever sent it. Upgrade it; the job waits in the database."
        )
    job_id = parse_job_id(message.get("job"))
    if job_id is None:
        raise BadMessage(f"The message names no job: {str(message)[:200]!r}.")
    return Message(job_id, str(message.get("site")))

"""What travels through an engine: a job's id and the format's version, nothing else.

No arguments, so no personal data in the broker and nothing to unpickle. What an engine shows to its own
tools (a name, an id) is the adapter's to add beside it.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from .exceptions import JobError
from .ids import parse_job_id

VERSION = 1


class BadMessage(JobError):
    """A message that this version cannot read."""


def encode(job_id: UUID) -> dict[str, Any]:
    """Return the message for a job."""
    return {"v": VERSION, "job": str(job_id)}


def decode(message: object) -> UUID:
    """Return the id of the job that a message is about.

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
    return job_id

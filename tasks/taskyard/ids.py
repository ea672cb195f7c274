"""Job ids: UUIDs of version 7, which sort by time and so keep the primary key's index local."""

import sys
from datetime import datetime
from uuid import UUID

if sys.version_info >= (3, 14):
    from uuid import uuid7
else:
    from uuid_utils.compat import uuid7

__all__ = ["earliest_job_id", "new_job_id", "parse_job_id"]


def new_job_id() -> UUID:
    """Return a new id, larger than all that this process made before."""
    return uuid7()


def parse_job_id(text: object) -> UUID | None:
    """Return the id that `text` spells, or None where it spells none."""
    if isinstance(text, UUID):
        return text
    try:
        return UUID(str(text))
    except ValueError:
        return None


def earliest_job_id(moment: datetime) -> UUID:
    """Return what the id of no job is below that was made at this time or later."""
    return UUID(int=max(0, int(moment.timestamp() * 1000)) << 80)

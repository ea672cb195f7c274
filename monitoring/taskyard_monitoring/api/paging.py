"""Cursors: where the next page starts, in a word that callers hand back and need not read."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from uuid import UUID

from .problems import invalid
from .shapes import Fault

LARGEST_PAGE = 100
USUAL_PAGE = 50


def cursor_of(job_id: UUID | None) -> str | None:
    """Return the cursor of the page that starts after a job; None for none."""
    return None if job_id is None else urlsafe_b64encode(job_id.bytes).rstrip(b"=").decode()


def job_at(cursor: str) -> UUID | None:
    """Return after which job a page starts; None where the cursor is empty, for the first page.

    Raises:
        Refused: for what no page has given out.
    """
    if not cursor:
        return None
    try:
        found = UUID(bytes=urlsafe_b64decode(f"{cursor}=="))
    except ValueError:
        found = None
    if found is None or cursor_of(found) != cursor:
        raise invalid(
            [
                Fault(
                    where="query.cursor",
                    problem="No page has given it out.",
                    remedy="Send the `next` of the page before, or none for the first page.",
                )
            ]
        )
    return found

"""Waiting for one job."""

import time
from typing import Any
from uuid import UUID

from taskyard_monitoring.console.viewer import Viewer
from taskyard_monitoring.scope import Scope

from .interest import Interest
from .jobs import UNKNOWN, etag_of
from .listener import Listener

FIRST_ANSWER = 10.0
"""Seconds for which the first look is waited for, however short the caller's patience is."""


class Unanswered(Exception):
    """The database has not told in time how a job is."""


async def wait_for_job(
    job_id: UUID,
    scope: Scope,
    timeout: float,
    *,
    state: str | None = None,
    etag: str | None = None,
    viewer: Viewer | None = None,
) -> dict[str, Any] | None:
    """Return a job's data as soon as it is finished, or is no longer as the caller says they know it.

    Args:
        job_id: the job.
        scope: the jobs that the caller may see.
        timeout: seconds after which the data are returned as they are.
        state: the state that the caller knows of.
        etag: what `etag_of` says of the data that the caller has.
        viewer: see `Listener`.

    Returns:
        What event `job` says; None for an unknown job, and for one that is none of the caller's business.

    Raises:
        Full, Ended: see `Listener`.
        Unanswered: where the database does not answer.
    """
    known: dict[str, Any] | None = None
    deadline = time.monotonic() + timeout
    async with Listener(scope, Interest(jobs=frozenset({job_id})), viewer) as listener:
        while True:
            patience = max(0.0 if known else FIRST_ANSWER, deadline - time.monotonic())
            heard = await listener.next_news(patience)
            for news in heard:
                if news.name == "job":
                    known = news.data
            if known is None:
                if not heard or time.monotonic() > deadline:
                    raise Unanswered(f"The database has not told how job {job_id} is. Ask again in a while.")
                continue
            if known["state"] == UNKNOWN:
                return None
            if _is_worth_telling(known, state, etag) or not heard:
                return known


def _is_worth_telling(data: dict[str, Any], state: str | None, etag: str | None) -> bool:
    has_moved = state is not None and data["state"] != state
    has_changed = etag is not None and etag_of(data) != etag
    return bool(data["is_finished"]) or has_moved or has_changed

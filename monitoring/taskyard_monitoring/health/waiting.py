"""What waits, as far as it tells how those do who are to act on it."""

from collections.abc import Iterable
from datetime import datetime

from taskyard.backend import JobBackend
from taskyard.database import jobs_alias
from taskyard.delivery import waiting_queues
from taskyard.models import Job
from taskyard.operating.queues import oldest_waiting
from taskyard.pauses import paused_queues
from taskyard.states import JobState


def queues_that_wait(backend: JobBackend, served: Iterable[str]) -> Iterable[tuple[str, datetime]]:
    """Yield the queues, of those served or else of all, in which jobs wait for a worker, and since when."""
    paused = paused_queues()
    served = set(served)
    for queue in waiting_queues(backend.alias):
        if queue in paused or (served and queue not in served):
            continue
        oldest = oldest_waiting(queue, backend.alias)
        if oldest is not None:
            yield queue, oldest


def queues_that_are_due(backend: JobBackend, since: datetime) -> Iterable[str]:
    """Return the queues of the jobs that have been due longest and were not delivered."""
    due = Job.objects.using(jobs_alias()).filter(
        state=JobState.READY, delivered_at=None, due_at__lt=since, backend=backend.alias
    )
    return due.order_by("due_at").values_list("queue", flat=True)[:100]

"""Pausing queues: their jobs wait, running ones finish, enqueueing goes on.

The claim itself looks at the list of paused queues, so a pause holds at once on every engine, also where
messages lie in a broker. A message that comes all the same is dropped and its job set aside; once the queue
is resumed the dispatcher delivers what was set aside.
"""

from uuid import UUID

from asgiref.sync import sync_to_async
from django.db.models import Exists, OuterRef

from .database import DatabaseNow, again_on_deadlock, explained_errors, jobs_alias
from .models import Job, PausedQueue
from .states import JobState


def pause_queue(name: str, by: str = "") -> bool:
    """Claim no more jobs from a queue, on any backend; tell whether that is news.

    Args:
        name: of the queue; it need not have had a job yet.
        by: who wants it, for others to see.
    """
    with explained_errors():
        _, is_new = PausedQueue.objects.using(jobs_alias()).get_or_create(
            name=name, defaults={"paused_at": DatabaseNow(), "paused_by": by}
        )
    return is_new


def resume_queue(name: str) -> bool:
    """Claim from a queue again; tell whether it was paused."""
    with explained_errors():
        deleted, _ = PausedQueue.objects.using(jobs_alias()).filter(name=name).delete()
    return bool(deleted)


def paused_queues() -> dict[str, PausedQueue]:
    """Return the paused queues by name, with since when and by whom."""
    with explained_errors():
        return PausedQueue.objects.using(jobs_alias()).in_bulk()


apause_queue = sync_to_async(pause_queue)
aresume_queue = sync_to_async(resume_queue)
apaused_queues = sync_to_async(paused_queues)


@again_on_deadlock
def set_aside(job_id: UUID, backend: str) -> bool:
    """Set a job aside that was delivered to this backend, its queue being paused, for its message is gone.

    Tell whether it was so.
    """
    with explained_errors():
        return bool(
            Job.objects.using(jobs_alias())
            .filter(
                queue_is_paused(),
                pk=job_id,
                backend=backend,
                state=JobState.READY,
                delivered_at__isnull=False,
            )
            .update(delivered_at=None, due_at=None, deliveries=0)
        )


@again_on_deadlock
def bring_back(limit: int) -> int:
    """Make up to `limit` jobs due that were set aside, their queue being resumed; return how many."""
    aside = Job.objects.using(jobs_alias()).filter(state=JobState.READY, delivered_at=None, due_at=None)
    with explained_errors():
        resumed = list(aside.filter(~queue_is_paused()).values_list("pk", flat=True)[:limit])
        return aside.filter(pk__in=resumed).update(due_at=DatabaseNow()) if resumed else 0


def queue_is_paused() -> Exists:
    """Return the condition on a job that its queue is paused."""
    return Exists(PausedQueue.objects.filter(name=OuterRef("queue")))

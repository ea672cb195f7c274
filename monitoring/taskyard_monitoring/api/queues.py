"""Queues: what waits and runs in each; pause and resume them."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated

from asgiref.sync import sync_to_async
from django.http import HttpRequest
from ninja import Body, Path, Router

from taskyard.operating import deeds
from taskyard.operating.audit import Operator
from taskyard.operating.queues import QueueStatus, queue_names, queue_statuses
from taskyard_monitoring.console.viewer import Level

from .callers import caller_of
from .problems import Refused
from .responses import WITH_BODY, answers
from .shapes import Changed, Name, Queue, Queues, Reason

router = Router(tags=["queues"])

_CHANGED = answers(Changed, WITH_BODY, HTTPStatus.NOT_FOUND)


@router.get("/", operation_id="list_queues", summary="List the queues", response=answers(Queues))
async def list_queues(request: HttpRequest) -> Queues:
    """Return the queues. Needs the permission `taskyard_monitoring.view_console`."""
    caller_of(request).must(Level.VIEW)
    return Queues(queues=[_shown(status) for status in await sync_to_async(queue_statuses)()])


@router.post("/{path:name}/pause", operation_id="pause_queue", summary="Pause a queue", response=_CHANGED)
async def pause(
    request: HttpRequest, name: Path[Name], why: Annotated[Reason | None, Body()] = None
) -> Changed:
    """Have no worker of any engine take a job from it. Needs `taskyard_monitoring.operate_console`."""
    return await sync_to_async(_steer)(request, deeds.pause_queue, name, why)


@router.post("/{path:name}/resume", operation_id="resume_queue", summary="Resume a queue", response=_CHANGED)
async def resume(
    request: HttpRequest, name: Path[Name], why: Annotated[Reason | None, Body()] = None
) -> Changed:
    """Have workers take jobs from it again. Needs `taskyard_monitoring.operate_console`."""
    return await sync_to_async(_steer)(request, deeds.resume_queue, name, why)


def _steer(
    request: HttpRequest, deed: Callable[[Operator, str], bool], name: str, why: Reason | None
) -> Changed:
    caller = caller_of(request)
    caller.must(Level.OPERATE)
    # Else anybody's misspelling would stay in the list for good.
    if name not in queue_names():
        raise Refused(HTTPStatus.NOT_FOUND, "unknown-queue", f"There is no queue {name!r}. See GET queues/.")
    return Changed(done=deed(caller.operator(why.reason if why else ""), name))


def _shown(status: QueueStatus) -> Queue:
    paused = status.paused
    return Queue(
        name=status.name,
        backend=status.backend,
        waiting=int(status.waiting),
        waiting_is_capped=status.waiting.is_capped,
        oldest=status.oldest,
        later=int(status.later),
        later_is_capped=status.later.is_capped,
        running=status.running,
        paused_at=paused.paused_at if paused else None,
        paused_by=paused.paused_by if paused else None,
    )

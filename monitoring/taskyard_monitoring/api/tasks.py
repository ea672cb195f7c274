"""The tasks that callers may enqueue."""

import inspect

from asgiref.sync import sync_to_async
from django.http import HttpRequest
from ninja import Router

from .callers import Caller, caller_of
from .offers import Offer, offers
from .responses import answers
from .shapes import TaskOffer, Tasks

router = Router(tags=["tasks"])


@router.get(
    "/", operation_id="list_tasks", summary="List the tasks that you may enqueue", response=answers(Tasks)
)
async def list_tasks(request: HttpRequest) -> Tasks:
    """Return the tasks that are exposed and permitted to the caller, with a schema of what each takes."""
    return await sync_to_async(_tasks)(caller_of(request))


def _tasks(caller: Caller) -> Tasks:
    return Tasks(tasks=[_shown(offer) for offer in offers() if offer.is_for(caller.user)])


def _shown(offer: Offer) -> TaskOffer:
    return TaskOffer(
        task=offer.task.module_path,
        description=(inspect.getdoc(offer.task.func) or "").partition("\n")[0],
        arguments=offer.signature.schema,
        queue=offer.task.queue_name,
        queues=offer.queues,
        priority=offer.task.priority,
    )

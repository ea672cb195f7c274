"""Schedules: when each fires; pause, resume and run them."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from asgiref.sync import sync_to_async
from django.http import HttpRequest
from ninja import Body, Path, Query, Router, Status
from pydantic import Field

from taskyard.database import explained_errors, jobs_alias
from taskyard.models import Schedule
from taskyard.operating import deeds
from taskyard.operating.audit import Operator
from taskyard.schedules.calls import ScheduleFault
from taskyard.schedules.showing import as_data
from taskyard_monitoring.console.viewer import Level

from .callers import Caller, caller_of
from .paging import LARGEST_PAGE, USUAL_PAGE
from .problems import Refused
from .responses import WITH_BODY, answers
from .shapes import Changed, Enqueued, Name, Reason, Schedules, ScheduleSummary, Text

router = Router(tags=["schedules"])

_CHANGED = answers(Changed, WITH_BODY, HTTPStatus.NOT_FOUND)


@router.get(
    "/",
    operation_id="list_schedules",
    summary="List the schedules",
    response=answers(Schedules, HTTPStatus.UNPROCESSABLE_ENTITY),
)
async def list_schedules(
    request: HttpRequest,
    after: Annotated[Text, Query(), Field(max_length=200, description="The `next` of the page before.")] = "",
    limit: Annotated[int, Query(), Field(ge=1, le=LARGEST_PAGE, description="On a page.")] = USUAL_PAGE,
) -> Schedules:
    """Return the schedules by name. Needs the permission `taskyard_monitoring.view_console`."""
    caller_of(request).must(Level.VIEW)
    schedules = Schedule.objects.using(jobs_alias()).filter(name__gt=after).order_by("name")
    with explained_errors():
        found = [schedule async for schedule in schedules[: limit + 1]]
    shown = found[:limit]
    return Schedules(
        schedules=[ScheduleSummary(**as_data(schedule)) for schedule in shown],
        next=shown[-1].name if len(found) > limit else None,
    )


@router.post(
    "/{path:name}/pause", operation_id="pause_schedule", summary="Pause a schedule", response=_CHANGED
)
async def pause(
    request: HttpRequest, name: Path[Name], why: Annotated[Reason | None, Body()] = None
) -> Changed:
    """Let it bring about no more jobs. Needs `taskyard_monitoring.operate_console`."""
    return await sync_to_async(_steer)(caller_of(request), deeds.pause_schedules, name, why)


@router.post(
    "/{path:name}/resume", operation_id="resume_schedule", summary="Resume a schedule", response=_CHANGED
)
async def resume(
    request: HttpRequest, name: Path[Name], why: Annotated[Reason | None, Body()] = None
) -> Changed:
    """Let it fire from its next slot on. Needs `taskyard_monitoring.operate_console`."""
    return await sync_to_async(_steer)(caller_of(request), deeds.resume_schedules, name, why)


@router.post(
    "/{path:name}/run",
    operation_id="run_schedule",
    summary="Run a schedule now",
    response=answers(
        Enqueued, WITH_BODY, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, status=HTTPStatus.CREATED
    ),
)
async def run(
    request: HttpRequest, name: Path[Name], why: Annotated[Reason | None, Body()] = None
) -> Status[Enqueued]:
    """Enqueue a job of it at once, beside its slots. Needs `taskyard_monitoring.operate_console`."""
    return Status(HTTPStatus.CREATED, await sync_to_async(_run)(caller_of(request), name, why))


def _steer(
    caller: Caller, deed: Callable[[Operator, list[str]], int], name: str, why: Reason | None
) -> Changed:
    caller.must(Level.OPERATE)
    with explained_errors():
        is_there = Schedule.objects.using(jobs_alias()).filter(name=name).exists()
    if not is_there:
        raise _unknown(name)
    return Changed(done=bool(deed(caller.operator(why.reason if why else ""), [name])))


def _run(caller: Caller, name: str, why: Reason | None) -> Enqueued:
    caller.must(Level.OPERATE)
    try:
        result = deeds.run_schedule(caller.operator(why.reason if why else ""), name)
    except Schedule.DoesNotExist as gone:
        raise _unknown(name) from gone
    except ScheduleFault as fault:
        raise Refused(
            HTTPStatus.CONFLICT, "faulty-schedule", f"Schedule {name} cannot run: {fault}"
        ) from fault
    return Enqueued(
        id=UUID(result.id),
        task=result.task.module_path,
        queue=result.task.queue_name,
        is_duplicate=bool(getattr(result, "is_duplicate", False)),
    )


def _unknown(name: str) -> Refused:
    return Refused(
        HTTPStatus.NOT_FOUND, "unknown-schedule", f"There is no schedule {name!r}. See GET schedules/."
    )

"""Jobs: enqueue, list, read, wait for, cancel and retry them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Any, Literal
from uuid import UUID

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse
from django.utils.encoding import escape_uri_path
from ninja import Body, Header, Query, Router, Schema, Status
from pydantic import Field

from taskyard.compat import TaskResultDoesNotExist
from taskyard.database import explained_errors, jobs_alias
from taskyard.exceptions import UniqueConflict
from taskyard.models import Job
from taskyard.operating import deeds
from taskyard.operating.operations import CANCEL, RETRY, Operation, explain_conflict
from taskyard.operating.presenting import shown_state
from taskyard.operating.search import STATES, Search
from taskyard.operating.words import BadSearch
from taskyard.states import JobState
from taskyard_monitoring import live
from taskyard_monitoring.conf import settings
from taskyard_monitoring.console.viewer import Level
from taskyard_monitoring.live.view import ASK_AGAIN, LONGEST_WAIT, USUAL_WAIT

from . import presenting
from .callers import Caller, caller_of
from .enqueueing import enqueued
from .paging import LARGEST_PAGE, USUAL_PAGE, cursor_of, job_at
from .problems import Refused, invalid
from .responses import WITH_BODY, answers
from .shapes import Enqueue, Enqueued, Fault, JobDetail, JobsPage, Reason, Steered, Text
from .throttling import spend

router = Router(tags=["jobs"])

State: Any = Literal["", *(state.lower() for state in STATES)]


class Wanted(Schema):
    """Which jobs are wanted; all conditions hold together, and what is empty does not matter."""

    state: State = Field("", description="Waiting, scheduled and retrying are parts of ready.")
    queue: Text = Field("", max_length=128)
    task: Text = Field("", max_length=255, description="The task's dotted path, or its end.")
    tag: Text = Field("", max_length=50)
    since: Text = Field(
        "", max_length=40, description="Enqueued since: `90s`, `2h`, `7d`, a date, or a date and time."
    )
    owner: Text = Field("", max_length=64, description="Key of the user whose jobs they are.")
    q: Text = Field("", max_length=500, description="Words as in the console, such as `args.order:42`.")
    cursor: str = Field("", max_length=40, description="The `next` of the page before.")
    limit: int = Field(USUAL_PAGE, ge=1, le=LARGEST_PAGE, description="Jobs on a page.")

    def search(self) -> Search:
        """Return what is wanted as a search.

        Raises:
            Refused: naming what cannot be read.
        """
        with _told_of("q"):
            search = Search.parse(self.q)
        for name in ("state", "queue", "task", "tag", "since", "owner"):
            if value := getattr(self, name):
                with _told_of(name):
                    search = search.with_word(f"{name}:{value}")
        with _told_of("q"):
            search.refuse_hidden()
        return search


@router.post(
    "/",
    operation_id="enqueue_job",
    summary="Enqueue a job",
    response={
        **answers(Enqueued, WITH_BODY, HTTPStatus.CONFLICT),
        HTTPStatus.CREATED: Enqueued,
    },
)
async def enqueue(
    request: HttpRequest,
    response: HttpResponse,
    wanted: Enqueue,
    key: Annotated[
        str,
        Header(
            alias="Idempotency-Key",
            max_length=200,
            description="Sent again within a day it makes no second job of that task.",
        ),
    ] = "",
) -> Status[Enqueued]:
    """Enqueue a job of a task that the site has exposed, on the caller's behalf.

    201 with its address in `Location`; 200 where a job that is there already does: for a task that is unique,
    and for a request that is sent again.
    """
    caller = caller_of(request)
    await spend("API_ENQUEUE_RATE", settings.API_ENQUEUE_RATE, caller.key)
    task, result = await enqueued(caller, wanted, key)
    if result.is_duplicate and await _visible_to(caller, UUID(result.id)) is None:
        raise Refused(
            HTTPStatus.CONFLICT,
            "duplicate",
            "A job that does the same is there already, and is none of yours. It needs no other.",
        )
    response["Location"] = f"{escape_uri_path(request.path)}{result.id}"
    status = HTTPStatus.OK if result.is_duplicate else HTTPStatus.CREATED
    return Status(
        status,
        Enqueued(
            id=UUID(result.id),
            task=task.module_path,
            queue=task.queue_name,
            is_duplicate=result.is_duplicate,
        ),
    )


@router.get(
    "/",
    operation_id="list_jobs",
    summary="List jobs",
    response=answers(JobsPage, HTTPStatus.UNPROCESSABLE_ENTITY),
)
async def list_jobs(request: HttpRequest, wanted: Query[Wanted]) -> JobsPage:
    """Return the jobs that the caller may see, newest first, a page at a time."""
    return await sync_to_async(_page)(caller_of(request), wanted)


@router.get(
    "/{job_id}",
    operation_id="read_job",
    summary="Read a job",
    response=answers(JobDetail, HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY),
)
async def read(request: HttpRequest, job_id: UUID) -> JobDetail:
    """Return all that the caller may know of a job. Somebody else's job is answered as an unknown one."""
    caller = caller_of(request)
    return await sync_to_async(presenting.detail)(await _visible(caller, job_id), caller)


@router.get(
    "/{job_id}/wait",
    operation_id="wait_for_job",
    summary="Wait for a job",
    response=answers(JobDetail, HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY),
)
async def wait(
    request: HttpRequest,
    response: HttpResponse,
    job_id: UUID,
    timeout: Annotated[
        float, Query(), Field(ge=0, le=LONGEST_WAIT, allow_inf_nan=False, description="Seconds.")
    ] = USUAL_WAIT,
    state: Annotated[
        Text, Query(), Field(max_length=20, description="The `shown_state` that you know of.")
    ] = "",
) -> JobDetail:
    """Return the job once it is finished, once it is not in that state any more, or after `timeout` seconds.

    Servers that cannot wait, those of WSGI, answer at once, and say by `Retry-After` when to ask again.
    """
    caller = caller_of(request)
    job = await _visible(caller, job_id)
    if not job.is_finished and state in ("", shown_state(job)):
        if isinstance(request, ASGIRequest):
            await _wait(caller, job_id, timeout, state or None)
            job = await _visible(caller, job_id)
        else:
            response["Retry-After"] = str(ASK_AGAIN)
    return await sync_to_async(presenting.detail)(job, caller)


@router.post(
    "/{job_id}/cancel",
    operation_id="cancel_job",
    summary="Cancel a job",
    response=answers(Steered, WITH_BODY, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def cancel(request: HttpRequest, job_id: UUID, why: Annotated[Reason | None, Body()] = None) -> Steered:
    """Let a job that waits never start, and have the worker of one that runs stop it within seconds.

    People may cancel their own jobs; others' need the permission `taskyard_monitoring.operate_console`.
    """
    caller = caller_of(request)
    job = await _visible(caller, job_id)
    if job.owner != caller.owner:
        caller.must(Level.OPERATE)
    is_done = await sync_to_async(_act)(caller, CANCEL, job, why)
    job = await _visible(caller, job_id)
    if job.is_finished and job.state != JobState.CANCELLED:
        raise Refused(
            HTTPStatus.CONFLICT, "finished", f"The job is finished: it is {job.get_state_display().lower()}."
        )
    return Steered(done=is_done, job=presenting.summary(job, caller))


@router.post(
    "/{job_id}/retry",
    operation_id="retry_job",
    summary="Run a finished job once more",
    response=answers(Steered, WITH_BODY, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def retry(request: HttpRequest, job_id: UUID, why: Annotated[Reason | None, Body()] = None) -> Steered:
    """Run a finished job once more, with the same arguments and a fresh count of attempts.

    Needs the permission `taskyard_monitoring.operate_console`.
    """
    caller = caller_of(request)
    job = await _visible(caller, job_id)
    caller.must(Level.OPERATE)
    if not await sync_to_async(_act)(caller, RETRY, job, why):
        await sync_to_async(_explain_conflict)(job)
        raise Refused(
            HTTPStatus.CONFLICT, "not-finished", "The job is not finished. Wait for its end, or cancel it."
        )
    return Steered(done=True, job=presenting.summary(await _visible(caller, job_id), caller))


# --- seeing ---


async def _visible_to(caller: Caller, job_id: UUID) -> Job | None:
    with explained_errors():
        return await Job.objects.using(jobs_alias()).filter(caller.scope.condition(), pk=job_id).afirst()


async def _visible(caller: Caller, job_id: UUID) -> Job:
    job = await _visible_to(caller, job_id)
    if job is None:
        raise _unknown(job_id)
    return job


def _unknown(job_id: UUID) -> Refused:
    return Refused(HTTPStatus.NOT_FOUND, "unknown-job", f"There is no job {job_id}. It may have been pruned.")


async def _wait(caller: Caller, job_id: UUID, timeout: float, state: str | None) -> None:
    await live.let_go_of_thread()
    live.end_with_process()
    try:
        await live.wait_for_job(job_id, caller.scope, timeout, state=state, viewer=caller.viewer)
    except (live.Full, live.Ended, live.Unanswered) as error:
        raise Refused(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "unavailable",
            "Nobody can wait here just now. Ask again in a moment.",
            headers={"Retry-After": str(ASK_AGAIN)},
        ) from error


def _page(caller: Caller, wanted: Wanted) -> JobsPage:
    search, before = wanted.search(), job_at(wanted.cursor)
    if not caller.scope.everything:
        own = caller.scope.owners.intersection(search.owners) if search.owners else caller.scope.owners
        if not own:
            return JobsPage(jobs=[], next=None)
        search = replace(search, owners=tuple(sorted(own)))
    page = search.page(before=before, size=wanted.limit)
    return JobsPage(
        jobs=[presenting.summary(job, caller) for job in page.jobs], next=cursor_of(page.go_on_before)
    )


@contextmanager
def _told_of(name: str) -> Iterator[None]:
    """Tell the caller which parameter cannot be read."""
    try:
        yield
    except BadSearch as fault:
        what_to_do = "Say it as the problem tells."
        raise invalid([Fault(where=f"query.{name}", problem=str(fault), remedy=what_to_do)]) from fault


# --- steering ---


def _act(caller: Caller, operation: Operation, job: Job, why: Reason | None) -> bool:
    try:
        return deeds.on_job(caller.operator(why.reason if why else ""), operation, job)
    except TaskResultDoesNotExist as gone:
        raise _unknown(job.pk) from gone


def _explain_conflict(job: Job) -> None:
    try:
        explain_conflict(job)
    except UniqueConflict as conflict:
        raise Refused(HTTPStatus.CONFLICT, "unique", str(conflict)) from conflict
    except TaskResultDoesNotExist as gone:
        raise _unknown(job.pk) from gone

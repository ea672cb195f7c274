"""The stream of Server-Sent Events that an open page listens to, and the request that waits for one job."""

import math
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from asgiref.sync import SyncToAsync, sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db import DatabaseError, connections, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_GET

from taskyard.database import explained_errors, jobs_alias
from taskyard.exceptions import NotMigrated
from taskyard.ids import parse_job_id
from taskyard.models import Job
from taskyard_monitoring.console.viewer import Level, Viewer, viewer_of
from taskyard_monitoring.scope import NOTHING, Scope, scope_of

from .ending import end_with_process
from .events import RECONNECT, events_of, goodbye, heartbeat
from .interest import Interest
from .jobs import etag_of, job_data
from .listener import Ended, Listener
from .waiting import Unanswered, wait_for_job
from .watcher import Full, watcher

HEARTBEAT_INTERVAL = 15.0
"""Seconds without news after which a comment is sent."""

LONGEST = 600.0
"""Seconds after which a stream ends. The browser comes back, and its user's permission is looked at anew."""

MOST_JOBS = 200
"""Jobs that one page may name."""

MOST_QUEUES = 50
"""Queues that one page may name."""

LONGEST_WAIT = 60.0
"""Seconds for which a request may wait for a job."""

USUAL_WAIT = 30.0

ASK_AGAIN = 2
"""Seconds after which to ask again, where nobody can wait."""

NEEDS_ASGI = (
    "Live updates need an ASGI server, such as uvicorn. Under WSGI, as here, each open page would "
    "keep a thread busy; pages ask every few seconds instead."
)
NEEDS_PERMISSION = "You need the permission taskyard_monitoring.view_console to listen."
NEEDS_LOGIN = "Sign in to listen to your jobs."


@require_GET
async def stream(request: HttpRequest) -> HttpResponseBase:
    """Tell a page of the console what happens to the `regions` and `jobs` that its query names.

    Events: those of `events`, `region` {name, html}, and `newest` {id} for the newest job of all.
    """
    if not isinstance(request, ASGIRequest):
        return _refused(501, NEEDS_ASGI)
    scope, viewer = await sync_to_async(_rights)(await request.auser())
    if not viewer.may_view:
        return _refused(403, NEEDS_PERMISSION)
    return await _streamed(request, scope, viewer)


@require_GET
async def events(request: HttpRequest) -> HttpResponseBase:
    """Tell a page what happens to jobs that its user may see, for as long as it listens.

    Which, says its query: `jobs=<id>,<id>`, `queues=<name>,<name>`, or `all=1`. Events: `job` {id, state, …},
    first as it is and then whenever it has changed; `missed` {words} where more has happened than is told;
    `trouble` {words} where the database does not answer, and with no words once it does; `bye` before the
    server stops. Who comes back with `Last-Event-ID` is told what has happened since.
    """
    if not isinstance(request, ASGIRequest):
        return _refused(501, NEEDS_ASGI)
    scope, viewer = await sync_to_async(_rights)(await request.auser())
    if scope == NOTHING:
        return _refused(403, NEEDS_LOGIN)
    return await _streamed(request, scope, viewer)


@require_GET
async def wait(request: HttpRequest, job_id: UUID) -> HttpResponseBase:
    """Answer with what event `job` says, as soon as the job is finished or no longer as the caller knows it.

    They say what they know by `If-None-Match` or `?state=`, and for how many seconds they will wait by
    `?timeout=`. Under WSGI the answer comes at once, with how many seconds later to ask again.
    """
    scope, viewer = await sync_to_async(_rights)(await request.auser())
    if scope == NOTHING:
        return _refused(403, NEEDS_LOGIN)
    try:
        timeout = _timeout(request.GET.get("timeout", ""))
    except ValueError as fault:
        return _refused(400, str(fault))
    etag = request.headers.get("If-None-Match")
    try:
        if isinstance(request, ASGIRequest):
            await let_go_of_thread()
            end_with_process()
            data = await wait_for_job(
                job_id, scope, timeout, state=request.GET.get("state"), etag=etag, viewer=viewer
            )
        else:
            data = await sync_to_async(_at_once)(job_id, scope, viewer)
    except (Full, Ended, Unanswered, DatabaseError, NotMigrated):
        return _busy("Nobody can wait here just now. Ask again in a moment.")
    if data is None:
        return _refused(404, f"There is no job {job_id}.")
    response = HttpResponse(status=304) if etag_of(data) == etag else JsonResponse(data)
    response["ETag"] = etag_of(data)
    response["Cache-Control"] = "no-cache, private"
    if not isinstance(request, ASGIRequest) and not data["is_finished"]:
        response["Retry-After"] = str(ASK_AGAIN)
    return response


# Django refuses async views on databases with ATOMIC_REQUESTS, unless they say that they want no transaction.
for _alias in connections:
    stream = transaction.non_atomic_requests(using=_alias)(stream)
    events = transaction.non_atomic_requests(using=_alias)(events)
    wait = transaction.non_atomic_requests(using=_alias)(wait)


def _rights(user: Any) -> tuple[Scope, Viewer]:
    viewer = viewer_of(user) if user.is_authenticated else Viewer(Level.NONE)
    return scope_of(user), viewer


def _refused(status: int, words: str) -> HttpResponse:
    return HttpResponse(f"{words}\n", status=status, content_type="text/plain; charset=utf-8")


def _busy(words: str) -> HttpResponse:
    response = _refused(503, words)
    response["Retry-After"] = str(ASK_AGAIN)
    return response


# --- the stream ---


async def _streamed(request: HttpRequest, scope: Scope, viewer: Viewer) -> HttpResponseBase:
    try:
        interest = _interest(request)
    except ValueError as fault:
        return _refused(400, str(fault))
    if watcher.is_full or watcher.has_ended:
        return _busy("As many listen here as can, or this process is about to stop.")
    end_with_process()
    listener = Listener(scope, interest, viewer, request.headers.get("Last-Event-ID"))
    response = StreamingHttpResponse(_told(listener), content_type="text/event-stream")
    response["Cache-Control"] = "no-cache, no-transform"  # who compresses keeps events back, too
    response["X-Accel-Buffering"] = "no"  # else nginx keeps events back until it has many
    return response


def _interest(request: HttpRequest) -> Interest:
    return Interest(
        jobs=_jobs(_words(request, "jobs")),
        queues=_queues(_words(request, "queues")),
        everything=request.GET.get("all") == "1",
        regions=frozenset(_words(request, "regions")),
    )


def _words(request: HttpRequest, name: str) -> list[str]:
    return [word for word in request.GET.get(name, "").split(",") if word]


def _jobs(words: list[str]) -> frozenset[UUID]:
    if len(words) > MOST_JOBS:
        raise ValueError(f"A page can watch {MOST_JOBS} jobs at most, not {len(words)}.")
    found = [parse_job_id(word) for word in words]
    if None in found:
        raise ValueError("jobs= holds what is no job's id; separate ids by commas.")
    return frozenset(job for job in found if job is not None)


def _queues(words: list[str]) -> frozenset[str]:
    if len(words) > MOST_QUEUES:
        raise ValueError(f"A page can watch {MOST_QUEUES} queues at most, not {len(words)}; try all=1.")
    return frozenset(words)


async def _told(listener: Listener) -> AsyncIterator[str]:
    await let_go_of_thread()  # not before: on the way out the middleware has needed it once more
    ends_at = time.monotonic() + LONGEST
    yield RECONNECT
    try:
        async with listener:
            while (left := ends_at - time.monotonic()) > 0:
                news = await listener.next_news(min(HEARTBEAT_INTERVAL, left))
                yield events_of(news) if news else heartbeat(listener.position)
    except (Ended, Full):
        yield goodbye()


# --- the request that waits ---


def _timeout(text: str) -> float:
    """Return for how many seconds a request will wait.

    Raises:
        ValueError: with what is wrong.
    """
    if not text:
        return USUAL_WAIT
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= LONGEST_WAIT:
        raise ValueError(f"timeout= must be a number of seconds from 0 to {LONGEST_WAIT:.0f}.")
    return seconds


def _at_once(job_id: UUID, scope: Scope, viewer: Viewer) -> dict[str, Any] | None:
    with explained_errors():
        job = Job.objects.using(jobs_alias()).filter(scope.condition(), pk=job_id).first()
    return None if job is None else job_data(job, inside=viewer.may_view)


async def let_go_of_thread() -> None:
    """Give back what Django keeps for a request until its end: a thread, and its connection to the database.

    A page may listen for hours, and a server has many; the rest of the request needs neither.
    """
    await sync_to_async(_close_connections)()
    context = SyncToAsync.thread_sensitive_context.get(None)
    executor = SyncToAsync.context_to_thread_executor.pop(context, None) if context is not None else None
    if executor is not None:
        executor.shutdown(wait=False)


def _close_connections() -> None:
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()

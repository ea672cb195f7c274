"""The stream of Server-Sent Events that an open page listens to."""

import time
from collections.abc import AsyncIterator
from uuid import UUID

from asgiref.sync import SyncToAsync, sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db import connections, transaction
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from taskyard.ids import parse_job_id
from taskyard_monitoring.console.viewer import viewer_of

from .events import RECONNECT
from .listener import Listener
from .watcher import watcher

HEARTBEAT_INTERVAL = 15.0
"""Seconds without news after which a comment is sent."""

LONGEST = 600.0
"""Seconds after which a stream ends. The browser comes back, and its user's permission is looked at anew."""

MOST_JOBS = 200
"""Jobs that one page may watch."""

NEEDS_ASGI = (
    "Live updates need an ASGI server, such as uvicorn. Under WSGI, as here, each open page would "
    "keep a thread busy; pages ask every few seconds instead."
)


async def stream(request: HttpRequest) -> HttpResponseBase:
    """Tell a page what happens to the `regions` and `jobs` that its query names, for as long as it listens.

    Events: `region` {name, html} when it has changed; `job` {id, state, …} likewise; `newest` {id} for the
    newest job; `trouble` {words} where the database does not answer, and with no words once it does.
    """
    if not isinstance(request, ASGIRequest):
        return _refused(501, NEEDS_ASGI)
    viewer = await sync_to_async(viewer_of)(await request.auser())
    if not viewer.may_view:
        return _refused(403, "You need the permission taskyard_monitoring.view_console to listen.")
    try:
        jobs = _jobs(request.GET.get("jobs", ""))
    except ValueError as fault:
        return _refused(400, str(fault))
    regions = frozenset(filter(None, request.GET.get("regions", "").split(",")))
    events = _events(Listener(viewer, regions, jobs))
    response = StreamingHttpResponse(events, content_type="text/event-stream")
    response["Cache-Control"] = "no-cache"
    response["X-Accel-Buffering"] = "no"  # else nginx keeps events back until it has many
    return response


# Django refuses async views on databases with ATOMIC_REQUESTS, unless they say that they want no transaction.
for _alias in connections:
    stream = transaction.non_atomic_requests(using=_alias)(stream)


def _refused(status: int, words: str) -> HttpResponse:
    return HttpResponse(f"{words}\n", status=status, content_type="text/plain; charset=utf-8")


def _jobs(text: str) -> frozenset[UUID]:
    words = [word for word in text.split(",") if word]
    if len(words) > MOST_JOBS:
        raise ValueError(f"A page can watch {MOST_JOBS} jobs at most, not {len(words)}.")
    found = [parse_job_id(word) for word in words]
    if None in found:
        raise ValueError("jobs= holds what is no job's id; separate ids by commas.")
    return frozenset(job for job in found if job is not None)


async def _events(listener: Listener) -> AsyncIterator[str]:
    await _let_go_of_thread()  # not before: on the way out the middleware has needed it once more
    ends_at = time.monotonic() + LONGEST
    watcher.add(listener)
    try:
        yield RECONNECT
        while time.monotonic() < ends_at:
            yield await listener.next_events(HEARTBEAT_INTERVAL)
    finally:
        watcher.remove(listener)


async def _let_go_of_thread() -> None:
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

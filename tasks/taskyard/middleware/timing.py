"""Where the time of a response went, for the browser's developer tools: the header Server-Timing."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from time import perf_counter
from typing import Any

from django.conf import settings
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from .hybrid import Around, holding, hybrid

HEADER = "Server-Timing"

MOST_NAMES = 20
"""Entries that a header may have; what is timed under more names is added up as "other"."""

LONGEST_NAME = 40
"""Characters of a name that are shown."""

DATABASE, OTHER, TOTAL = "db", "other", "total"


class _Spans:
    """What was timed while one request was answered, possibly in several threads."""

    def __init__(self) -> None:
        self._started = perf_counter()
        self._spans: dict[str, tuple[float, int]] = {}
        self._lock = threading.Lock()

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        started = perf_counter()
        try:
            yield
        finally:
            self._add(name, perf_counter() - started)

    def _add(self, name: str, seconds: float) -> None:
        with self._lock:
            if name not in self._spans and len(self._spans) >= MOST_NAMES:
                name = OTHER
            before, times = self._spans.get(name, (0.0, 0))
            self._spans[name] = (before + seconds, times + 1)

    def header(self) -> str:
        """Return all in milliseconds, and how often what happened more than once."""
        with self._lock:
            spans = dict(self._spans)
        entries = [_entry(name, *span) for name, span in spans.items()]
        return ", ".join([_entry(TOTAL, perf_counter() - self._started), *entries])


_present: ContextVar[_Spans | None] = ContextVar("taskyard_timing", default=None)


@hybrid
def server_timing_middleware(request: HttpRequest) -> Around:
    """Tell in the header Server-Timing how long the response took, and what `timed` blocks and queries took.

    `total` lasts from here until the head of the response is ready: what streams later does not count. `db`
    is the time of all queries, also of those that ran in other threads. Stands at the top, below
    `request_id_middleware`.

    How long an answer took can tell what it does not say, such as whether a user exists. So the header is
    sent only where DEBUG is on, and to users of the staff whom the view, or a middleware, has asked for.
    """
    for connection in connections.all(initialized_only=True):  # it may be open since before we were loaded
        _watch(connection)
    spans = _Spans()

    def finish(response: HttpResponseBase) -> None:
        if settings.DEBUG or _is_known_as_staff(request):
            there = [response[HEADER]] if response.has_header(HEADER) else []
            response[HEADER] = ", ".join([*there, spans.header()])

    return Around(partial(holding, _present, spans), finish)


@contextmanager
def timed(name: str) -> Iterator[None]:
    """Add how long the block takes to the response's Server-Timing, in sync and in async code.

        with timed("search"):
            hits = await client.get(…)

    Blocks of one name add up, also where they run at the same time. Does nothing outside a request that
    `server_timing_middleware` times.

    Args:
        name: letters, digits, "-" and "_"; whatever else it has is shown as "-".
    """
    spans = _present.get()
    if spans is None:
        yield
        return
    with spans.timed(name):
        yield


def _entry(name: str, seconds: float, times: int = 1) -> str:
    shown = re.sub(r"[^A-Za-z0-9_-]", "-", name[:LONGEST_NAME]) or "-"
    often = f';desc="{times} times"' if times > 1 else ""
    return f"{shown}{often};dur={seconds * 1000:.3f}"


def _is_known_as_staff(request: HttpRequest) -> bool:
    """Tell whether a member of the staff asks, as far as that is known already.

    To ask `request.user` would cost every response a query, and is forbidden on an event loop. These are the
    names under which Django's AuthenticationMiddleware keeps who was asked for.
    """
    known = vars(request)
    user = known.get("_cached_user") or known.get("_acached_user")
    return user is not None and user.is_active and getattr(user, "is_staff", False)


def _timed_query(execute: Callable[..., Any], *arguments: Any) -> Any:
    with timed(DATABASE):
        return execute(*arguments)


def _watch(connection: BaseDatabaseWrapper, **_: Any) -> None:
    if _timed_query not in connection.execute_wrappers:
        # In front: Django's `execute_wrapper` takes the last one away when its block ends.
        connection.execute_wrappers.insert(0, _timed_query)


# From the start on: an async request's queries run in threads, on connections of which nobody here knows.
connection_created.connect(_watch)

"""System checks: what a site pays for under ASGI without knowing it.

A site counts as one for ASGI where ASGI_APPLICATION is set.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any

from django.conf import settings
from django.core import checks
from django.db import connections
from django.utils.module_loading import import_string


@checks.register
def check_middleware(**_: Any) -> list[checks.CheckMessage]:
    """Tell of middleware that makes every request hold a thread.

    Asked is what Django goes by, `sync_capable` and `async_capable`: nothing is made or called.
    """
    stack = list(_loadable(settings.MIDDLEWARE))
    sync_only = [path for path, middleware in stack if not _can_async(middleware)]
    if not sync_only or not _is_asgi():
        return []
    modes = list(_modes([middleware for _, middleware in stack]))
    trips = sum(not is_async for is_async, _ in groupby(modes))
    hint = (
        "Use versions that can do both, such as made with django.utils.decorators.sync_and_async_middleware "
        "or derived from django.utils.deprecation.MiddlewareMixin. Where there are none, silence this check."
    )
    if trips > 1:
        between = [path for path, middleware in stack if not _can_sync(middleware)]
        hint += (
            f" As it is, each request changes to a thread and back {trips} times, because {_listed(between)} "
            "cannot run there: put async-only middleware above or below all that is sync-only."
        )
    return [
        checks.Warning(
            f"Under ASGI each request holds a thread of its own until its response begins: of MIDDLEWARE, "
            f"{_listed(sync_only)} can run in sync stacks alone. {modes.count(False)} of {len(stack)} "
            "middlewares run in that thread, since what stands above joins them.",
            hint=hint,
            id="taskyard.W003",
        )
    ]


@checks.register
def check_persistent_connections(**_: Any) -> list[checks.CheckMessage]:
    """Warn of connections that outlive their request under ASGI, and the thread that could use them."""
    if not _is_asgi():
        return []
    return [
        checks.Warning(
            f"DATABASES[{alias!r}] keeps connections (CONN_MAX_AGE is {database['CONN_MAX_AGE']!r}). Under "
            "ASGI each request has a thread of its own, and a connection belongs to its thread: it is never "
            "used again, and stays open until the garbage collector finds it.",
            hint="Set CONN_MAX_AGE to 0. To save the connecting, use a pool: OPTIONS = {'pool': "
            "{'max_size': …}} with PostgreSQL, or a pooler such as PgBouncer.",
            id="taskyard.W004",
        )
        for alias, database in connections.settings.items()
        if database["CONN_MAX_AGE"] != 0 and not database.get("OPTIONS", {}).get("pool")
    ]


def _is_asgi() -> bool:
    return bool(getattr(settings, "ASGI_APPLICATION", None))


def _loadable(paths: Sequence[str]) -> Iterator[tuple[str, Callable[..., Any]]]:
    for path in paths:
        try:
            yield path, import_string(path)
        except Exception:  # noqa: S112 - Django says so itself, wherever the stack is loaded
            continue


def _can_sync(middleware: Callable[..., Any]) -> bool:
    return getattr(middleware, "sync_capable", True)


def _can_async(middleware: Callable[..., Any]) -> bool:
    return getattr(middleware, "async_capable", False)


def _modes(stack: Sequence[Callable[..., Any]]) -> Iterator[bool]:
    """Yield whether each runs on the loop, from the view upwards, as Django's `load_middleware` decides it.

    What can do both goes on as what stands below it. So one middleware that is sync-only brings all above it
    into the thread.
    """
    is_async = True
    for middleware in reversed(stack):
        is_async = _can_async(middleware) and (is_async or not _can_sync(middleware))
        yield is_async


def _listed(paths: Sequence[str]) -> str:
    return ", ".join(paths)

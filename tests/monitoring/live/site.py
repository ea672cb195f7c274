"""A site that serves the stream, and tells what that costs it."""

import asyncio
import json
import os
import threading
from collections import Counter
from importlib import import_module

from django.core.asgi import get_asgi_application
from django.db import connections
from django.db.backends.signals import connection_created
from django.http import JsonResponse
from django.urls import include, path

application = get_asgi_application()

from taskyard_monitoring.live import watcher  # noqa: E402 - the apps are ready now

for name, value in json.loads(os.environ.get("TEST_LIVE", "{}")).items():
    module, _, constant = name.partition(".")
    setattr(import_module(f"taskyard_monitoring.live.{module}"), constant, value)

WATCHER = "taskyard-watcher"

statements = Counter()
"""How many statements the watcher ran, by tick."""


def count(execute, sql, params, many, context):
    """Count a statement, if it is the watcher's."""
    if threading.current_thread().name == WATCHER:
        statements[watcher.ticks] += 1
    return execute(sql, params, many, context)


def watch(connection, **_):
    """Count the statements of a new connection."""
    if count not in connection.execute_wrappers:  # it may be opened more than once
        connection.execute_wrappers.append(count)


connection_created.connect(watch)


async def cost(_):
    """Tell what is going on; needs neither thread nor database itself."""
    return JsonResponse(
        {
            "listeners": len(watcher),
            "is_running": watcher.is_running,
            "has_thread": WATCHER in {thread.name for thread in threading.enumerate()},
            "ticks": watcher.ticks,
            "position": watcher._told_position,
            "statements": [statements[tick] for tick in range(1, watcher.ticks + 1)],
            "threads": threading.active_count(),
            "tasks": len(asyncio.all_tasks()),
            "databases": len(connections.all(initialized_only=True)),
        }
    )


urlpatterns = [
    path("console/", include("taskyard_monitoring.urls")),
    path("live/", include("taskyard_monitoring.live.urls")),
    path("cost/", cost),
]

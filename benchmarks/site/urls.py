"""Views that wait, that do nothing, and that enqueue."""

import asyncio
import time
from uuid import uuid4

from django.http import HttpResponse, JsonResponse
from django.urls import path

from benchmarks.site import lag

WAITING = 0.1
"""Seconds that a view waits, as for some other service."""


def _answer():
    return HttpResponse("done", headers={"Content-Length": "4"})


def nothing(request):
    """Answer."""
    return _answer()


async def anothing(request):
    """Answer."""
    return _answer()


def wait(request):
    """Answer after a while."""
    time.sleep(WAITING)
    return _answer()


async def await_(request):
    """Answer after a while."""
    await asyncio.sleep(WAITING)
    return _answer()


async def acreate(request):
    """Insert a row as Django does it by itself."""
    from django.contrib.contenttypes.models import ContentType  # noqa: PLC0415 - has no table without jobs

    await ContentType.objects.acreate(app_label="benchmarks", model=uuid4().hex)
    return _answer()


async def aenqueue(request):
    """Enqueue as an async view should."""
    from benchmarks.site.tasks import no_op  # noqa: PLC0415

    await no_op.aenqueue()
    return _answer()


async def enqueue(request):
    """Enqueue on the event loop, as no view should."""
    from benchmarks.site.tasks import no_op  # noqa: PLC0415

    no_op.enqueue()
    return _answer()


async def tell_lag(request):
    """Tell how late the event loop was since this was last asked for."""
    return JsonResponse(lag.told())


urlpatterns = [
    path("sync/nothing/", nothing),
    path("sync/wait/", wait),
    path("async/nothing/", anothing),
    path("async/wait/", await_),
    path("async/acreate/", acreate),
    path("async/aenqueue/", aenqueue),
    path("async/enqueue/", enqueue),
    path("lag/", tell_lag),
]

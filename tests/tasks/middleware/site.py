"""A small site: each view twice, for the sync and for the async stack."""

import logging
from contextlib import closing
from pathlib import Path

from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import FileResponse, Http404, HttpResponse, StreamingHttpResponse
from django.urls import path

from taskyard.middleware import current_request_id, timed
from tests.example.tasks import nothing

logger = logging.getLogger("tests.site")


def tell(request):
    logger.warning("answering")
    return HttpResponse(f"{request.request_id} {current_request_id()}")


async def atell(request):
    return await sync_to_async(tell)(request)


def enqueue(request):
    nothing.enqueue()
    return HttpResponse()


async def aenqueue(request):
    await nothing.aenqueue()
    return HttpResponse()


def fail(request):
    raise ValueError("no luck")


async def afail(request):
    raise ValueError("no luck")


def refuse(request):
    raise PermissionDenied


async def arefuse(request):
    raise PermissionDenied


def miss(request):
    raise Http404


async def amiss(request):
    raise Http404


def stream(request):
    def chunks():
        try:
            for number in range(2):
                nothing.enqueue()
                yield f"{number} {current_request_id()}\n"
        finally:
            logger.warning("stream ended")

    return StreamingHttpResponse(chunks())


async def astream(request):
    async def chunks():
        try:
            for number in range(2):
                await nothing.aenqueue()
                yield f"{number} {current_request_id()}\n"
        finally:
            logger.warning("stream ended")

    return StreamingHttpResponse(chunks())


def send_file(request):
    return FileResponse(Path(__file__).open("rb"))


async def asend_file(request):
    return send_file(request)


def time(request):
    with timed("search"), timed("in detail"):
        User.objects.count()
    with timed("search"):
        User.objects.count()
    if request.GET.get("as"):
        assert request.user.is_authenticated
    return HttpResponse(headers={"Server-Timing": "cache;dur=1"} if "cache" in request.GET else {})


async def atime(request):
    with timed("search"), timed("in detail"):
        await User.objects.acount()
    with timed("search"):
        await User.objects.acount()
    if request.GET.get("as"):
        assert (await request.auser()).is_authenticated
    return HttpResponse(headers={"Server-Timing": "cache;dur=1"} if "cache" in request.GET else {})


def time_much(request):
    for number in range(1000):
        with timed(f"span {number}"):
            pass
    return HttpResponse()


async def atime_much(request):
    return time_much(request)


def time_in_own_wrapper(request):
    """Count queries by Django's own means on a connection that is made within."""
    seen = []

    def wrapper(execute, sql, *arguments):
        seen.append(sql)
        return execute(sql, *arguments)

    fresh = connection.copy()
    with closing(fresh):
        with fresh.execute_wrapper(wrapper), fresh.cursor() as cursor:
            cursor.execute("SELECT 1")
        with fresh.cursor() as cursor:
            cursor.execute("SELECT 1")
    return HttpResponse(str(seen.count("SELECT 1")))


async def atime_in_own_wrapper(request):
    return await sync_to_async(time_in_own_wrapper)(request)


PAIRS = {
    "tell": (tell, atell),
    "enqueue": (enqueue, aenqueue),
    "fail": (fail, afail),
    "refuse": (refuse, arefuse),
    "miss": (miss, amiss),
    "stream": (stream, astream),
    "file": (send_file, asend_file),
    "time": (time, atime),
    "time-much": (time_much, atime_much),
    "time-in-own-wrapper": (time_in_own_wrapper, atime_in_own_wrapper),
}

urlpatterns = [
    *(path(f"sync/{name}/", view) for name, (view, _) in PAIRS.items()),
    *(path(f"async/{name}/", view) for name, (_, view) in PAIRS.items()),
]

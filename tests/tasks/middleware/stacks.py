"""Middleware of all kinds, which tell whether they ran on the event loop."""

import asyncio

from asgiref.sync import iscoroutinefunction
from django.utils.decorators import async_only_middleware, sync_and_async_middleware, sync_only_middleware

ran = []
made = []


def _note(name):
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        ran.append((name, "thread"))
    else:
        ran.append((name, "loop"))


def _sync(name, get_response):
    made.append(name)

    def middleware(request):
        _note(name)
        return get_response(request)

    return middleware


def _async(name, get_response):
    made.append(name)

    async def middleware(request):
        _note(name)
        return await get_response(request)

    return middleware


def plain(get_response):
    return _sync("plain", get_response)


@sync_only_middleware
def sync_only(get_response):
    return _sync("sync_only", get_response)


@async_only_middleware
def async_only(get_response):
    return _async("async_only", get_response)


@sync_and_async_middleware
def both(get_response):
    return (_async if iscoroutinefunction(get_response) else _sync)("both", get_response)


class Old:
    """A class as in Django 1.10."""

    def __init__(self, get_response):
        self._respond = _sync("Old", get_response)

    def __call__(self, request):
        return self._respond(request)

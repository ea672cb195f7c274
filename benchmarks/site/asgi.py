"""The site for async servers, with a watch on the event loop from the first question for it on."""

import asyncio

from django.core.asgi import get_asgi_application

from benchmarks.site import lag

_django = get_asgi_application()
_watches: set[asyncio.Task] = set()


async def application(scope, receive, send):
    """Answer."""
    if scope["path"] == "/lag/" and not _watches:
        _watches.add(asyncio.create_task(lag.watch()))
    await _django(scope, receive, send)

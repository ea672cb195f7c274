"""A limit on what a request may bring, kept before anything of it is stored.

Under ASGI Django writes the whole body to disk before it calls a view, or the first upload handler: whoever
wants to refuse 200 MB without taking 200 MB must stand in front of it.
"""

from typing import Any

from django.template.loader import render_to_string


class BodyLimit:
    """An ASGI application that refuses large bodies (413) and leaves all else to another one.

    Args:
        app: answers what is small enough.
        limit: bytes that a body may have.
    """

    def __init__(self, app: Any, limit: int) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer a request."""
        if announced_length(scope) > self.limit:
            await self.refuse(scope, send)
            return
        taken = 0

        async def receive_within_limit() -> dict[str, Any]:
            """Count, as a chunked body does not say beforehand how long it is."""
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            # Django believes that the visitor has gone, drops what it has and answers nothing.
            return {"type": "http.disconnect"} if taken > self.limit else message

        await self.app(scope, receive_within_limit, send)
        if taken > self.limit:
            await self.refuse(scope, send)

    async def refuse(self, scope: dict[str, Any], send: Any) -> None:
        """Say what the limit is."""
        page = render_to_string("413.html", {"limit": self.limit}).encode()
        headers = [
            (b"content-type", b"text/html; charset=utf-8"),
            (b"content-length", str(len(page)).encode()),
        ]
        if scope["http_version"].startswith("1"):
            headers.append((b"connection", b"close"))  # else the server goes on reading what nobody wants
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": page})


def announced_length(scope: dict[str, Any]) -> int:
    """Return how long the body is to be; 0 where the request does not say."""
    announced = dict(scope["headers"]).get(b"content-length", b"")
    return int(announced) if announced.isdigit() else 0

"""The site that a browser visits, under a policy that lets no page run or style anything of its own."""

from typing import Any

from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application

POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    b"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

django = ASGIStaticFilesHandler(get_asgi_application())


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer as Django does, with the policy."""

    async def send_with_policy(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], (b"content-security-policy", POLICY)]}
        await send(message)

    await django(scope, receive, send_with_policy)

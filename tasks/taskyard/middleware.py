"""Metadata from the request: which one enqueued a job, and who had sent it."""

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.utils.decorators import sync_and_async_middleware

from .metadata import job_metadata
from .payload import clean_text

LONGEST_ID = 200
"""Characters of a request's id that are kept: the header may come from anybody."""


@sync_and_async_middleware
def job_metadata_middleware(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Let jobs carry the `request_id` (of the header X-Request-Id) and the `user` (the key as text).

    Stands below Django's AuthenticationMiddleware. A request that enqueues nothing is not asked for its user.
    """
    if iscoroutinefunction(get_response):

        async def amiddleware(request: HttpRequest) -> Any:
            with job_metadata(**_metadata_of(request)):
                return await get_response(request)

        return amiddleware

    def middleware(request: HttpRequest) -> Any:
        with job_metadata(**_metadata_of(request)):
            return get_response(request)

    return middleware


def _metadata_of(request: HttpRequest) -> dict[str, Any]:
    def user() -> str | None:
        found = getattr(request, "user", None)
        return str(found.pk) if found is not None and found.is_authenticated else None

    request_id = request.headers.get("X-Request-Id")
    return {"request_id": request_id and clean_text(request_id[:LONGEST_ID]), "user": user}

"""Around every view of the API: what Django Ninja leaves to others."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.db import connections, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.cache import (
    get_conditional_response,
    patch_cache_control,
    patch_vary_headers,
    set_response_etag,
)

from .problems import CONTENT_TYPE, Refused, explained

View = Callable[..., Any]


def answering(view: View) -> View:
    """Return a view whose answers are for its caller alone, and say what is wrong in our one shape."""
    called = view if iscoroutinefunction(view) else sync_to_async(view)

    @wraps(view)
    async def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            _refuse_unmeasured(request)
            response = await called(request, *args, **kwargs)
        except Exception as error:
            response = explained(request, error)
        return _finished(request, response)

    answered.csrf_exempt = True  # type: ignore[attr-defined] # looked after where sessions are: see callers
    # Django refuses async views on databases with ATOMIC_REQUESTS, unless they want no transaction.
    for alias in connections:
        answered = transaction.non_atomic_requests(using=alias)(answered)
    return answered


async def nothing_here(request: HttpRequest, **_: Any) -> HttpResponse:
    """Say that the API has nothing at an address."""
    raise Http404


def _refuse_unmeasured(request: HttpRequest) -> None:
    """Refuse a body that comes in chunks: Django would take it all into memory, whatever its limit."""
    if "HTTP_TRANSFER_ENCODING" in request.META and not request.META.get("CONTENT_LENGTH"):
        raise Refused(
            HTTPStatus.LENGTH_REQUIRED, "length-required", "Say in Content-Length how long the body is."
        )


def _finished(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED and response["Content-Type"] != CONTENT_TYPE:
        allowed = ", ".join(sorted(response["Allow"].split(", ")))
        response = Refused(
            HTTPStatus.METHOD_NOT_ALLOWED,
            "method-not-allowed",
            f"Here you may send {allowed}.",
            headers={"Allow": allowed},
        ).response()
    patch_vary_headers(response, ["Accept", "Authorization", "Cookie"])
    if request.method != "GET" or response.status_code != HTTPStatus.OK:
        patch_cache_control(response, no_store=True)
        return response
    patch_cache_control(response, private=True, no_cache=True)
    set_response_etag(response)
    return get_conditional_response(request, etag=response["ETag"], response=response) or response

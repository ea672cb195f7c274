"""Which request it is: one id in the response, in log records and in the jobs that it enqueued."""

import logging
import re
from contextvars import ContextVar
from functools import partial
from uuid import uuid4

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from taskyard.current import current_job

from .hybrid import Around, holding, hybrid

HEADER = "X-Request-Id"

LONGEST_ID = 200
"""Characters that an id may have."""

_VALID_ID = re.compile(rf"[A-Za-z0-9._:=@+/-]{{1,{LONGEST_ID}}}")
"""What UUIDs, ULIDs, base64 and the ids of proxies are made of; nothing that ends a line or a quotation."""

_current: ContextVar[str | None] = ContextVar("taskyard_request_id", default=None)


@hybrid
def request_id_middleware(request: HttpRequest) -> Around:
    """Give every request an id: that of its header X-Request-Id where it is valid, else a new one.

    It stands in `request.request_id`, in `current_request_id()`, in the response's header, in log records
    (see `RequestIdFilter`) and, through `job_metadata_middleware`, in jobs. Belongs at the top, so that what
    other middleware answer has it, too.

    The header may come from anybody: where ids must be unique, let the proxy in front set it anew.
    """
    request_id = valid_request_id(request.headers.get(HEADER)) or uuid4().hex
    request.request_id = request_id  # type: ignore[attr-defined]

    def finish(response: HttpResponseBase) -> None:
        response[HEADER] = request_id

    return Around(partial(holding, _current, request_id), finish)


def current_request_id() -> str | None:
    """Return the id of the request that is being answered, within a job that of the one that enqueued it.

    None outside of both, and where `request_id_middleware` is not in use.
    """
    job = current_job()
    return _current.get() if job is None else job.metadata.get("request_id")


def valid_request_id(text: object) -> str | None:
    """Return an id as it came where it is valid: 1 to 200 letters, digits and `._:=@+/-`; else None."""
    return text if isinstance(text, str) and _VALID_ID.fullmatch(text) else None


class RequestIdFilter(logging.Filter):
    """Give every log record a `request_id`: see `current_request_id`; "-" where there is none.

    What a record says already stays. Put it on handlers: a logger's filters do not see the records of its
    children.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Add what is missing; every record passes."""
        if not hasattr(record, "request_id"):
            # Django logs 4xx responses above all middleware, with the request in hand.
            request = getattr(record, "request", None)
            record.request_id = current_request_id() or getattr(request, "request_id", None) or "-"
        return True

"""What went wrong, in the console's own shell: what is missing, and what to do."""

import logging
from http import HTTPStatus

from django.db import Error as DatabaseFault
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string

from taskyard.exceptions import NotMigrated

from .page import page
from .viewer import PERMISSIONS, Level

logger = logging.getLogger(__name__)

_TEMPLATE = "taskyard/console/error.html"

_WHAT = {
    Level.VIEW: "see the console",
    Level.OPERATE: "steer jobs, queues and schedules",
    Level.ADMINISTER: "quiet and stop workers, or read the audit",
}


def forbidden(request: HttpRequest, level: Level) -> HttpResponse:
    """Say which permission somebody lacks."""
    return _error(
        request,
        HTTPStatus.FORBIDDEN,
        f"You may not {_WHAT[level]}",
        f"Your account {request.user.get_username()} lacks the permission {PERMISSIONS[level]}. "
        "Ask whoever manages the accounts of this site to give it to you or to one of your groups.",
    )


def not_found(request: HttpRequest, text: str) -> HttpResponse:
    """Say that there is no such thing."""
    return _error(request, HTTPStatus.NOT_FOUND, "There is nothing here", text)


def explained(request: HttpRequest, error: Exception) -> HttpResponse:
    """Say what an exception means for whoever looks at the page."""
    match error:
        case Http404():
            text = str(error) or "Nothing goes by this address."
            return not_found(request, text)
        case NotMigrated():
            title, text = "The tables are missing", str(error)
        case DatabaseFault():
            logger.error("The console cannot read the database.", exc_info=error)
            title = "The database is out of reach"
            text = (
                "The console shows what the jobs' database holds, and it did not answer: "
                f"{type(error).__name__}. Jobs may still run. Look at the database server and at the log "
                "of this site, then load the page again."
            )
        case _:
            raise error
    # Without the request: who is signed in may stand in the same database.
    context = {"title": title, "text": text, "status": 503}
    return HttpResponse(render_to_string(_TEMPLATE, context), status=HTTPStatus.SERVICE_UNAVAILABLE)


def _error(request: HttpRequest, status: HTTPStatus, title: str, text: str) -> HttpResponse:
    return page(request, _TEMPLATE, {"title": title, "text": text, "status": int(status)}, status=status)

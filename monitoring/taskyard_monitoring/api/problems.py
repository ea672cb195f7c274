"""What went wrong, in one shape for all of it: problem details as RFC 9457 has them."""

import json
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.core.signals import got_request_exception
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, RawPostDataException, UnreadablePostError
from django.utils.log import log_response
from ninja.errors import AuthenticationError, HttpError, ValidationError
from pydantic_core import ErrorDetails

from taskyard.exceptions import NotMigrated

from .shapes import Fault, Problem

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"

RETRY_AFTER = 5
"""Seconds after which to try again where the database does not answer."""


class Refused(Exception):
    """A request that is not answered with what it asks for.

    Args:
        status: of the answer.
        kind: what went wrong, in a few words joined by hyphens; programs tell by it what to do.
        detail: what is wrong and what to do about it, as sentences.
        faults: what is wrong where.
        headers: of the answer.
    """

    def __init__(
        self,
        status: HTTPStatus,
        kind: str,
        detail: str,
        *,
        faults: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.faults = faults
        self.headers = headers or {}

    def response(self) -> HttpResponse:
        """Return the answer."""
        problem = Problem(
            type=f"urn:taskyard:{self.kind}",
            title=self.kind.replace("-", " ").capitalize(),
            status=self.status,
            detail=self.detail,
            errors=list(self.faults),
        )
        text = json.dumps(problem.model_dump())
        return HttpResponse(text, status=self.status, content_type=CONTENT_TYPE, headers=dict(self.headers))


def explained(request: HttpRequest, error: Exception) -> HttpResponse:
    """Return the answer that tells of an exception."""
    return _refusal(request, error).response()


def unauthorized(detail: str, challenge: str = "") -> Refused:
    """Return the refusal of a caller whom nobody knows."""
    header = ", ".join(filter(None, ['Bearer realm="taskyard"', challenge]))
    return Refused(HTTPStatus.UNAUTHORIZED, "not-signed-in", detail, headers={"WWW-Authenticate": header})


def forbidden(detail: str) -> Refused:
    """Return the refusal of a caller who may not do this."""
    return Refused(HTTPStatus.FORBIDDEN, "not-permitted", detail)


def invalid(faults: Sequence[Fault]) -> Refused:
    """Return the refusal of a request that says what cannot be."""
    return Refused(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "invalid-request",
        " ".join(f"{fault.where}: {fault.problem}" for fault in faults),
        faults=faults,
    )


def faults_of(errors: "Sequence[ErrorDetails | dict[str, Any]]", *where: str) -> list[Fault]:
    """Return what pydantic found, each with what to do about it.

    Args:
        errors: as pydantic, or Django Ninja, lists them.
        where: what was looked at, before the place that each error names.
    """
    return [
        Fault(
            where=".".join([*where, *map(str, error["loc"])]),
            problem=_sentence(error["msg"]),
            remedy=_remedy(error["type"]),
        )
        for error in errors
    ]


def _refusal(request: HttpRequest, error: Exception) -> Refused:  # noqa: C901, PLR0911 - a table
    match error:
        case Refused():
            return error
        case ValidationError():
            return invalid(faults_of([_without_parameter(each) for each in error.errors]))
        case AuthenticationError():
            return unauthorized(
                "Sign in, or send a token as 'Authorization: Bearer …' (manage.py api_token create)."
            )
        case HttpError(status_code=HTTPStatus.BAD_REQUEST):
            return Refused(HTTPStatus.BAD_REQUEST, "not-json", "The body is no JSON. Send a JSON object.")
        case Http404():
            return Refused(HTTPStatus.NOT_FOUND, "not-found", "There is nothing at this address.")
        case PermissionDenied():
            return forbidden(str(error) or "You may not do this.")
        case RequestDataTooBig():
            return Refused(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                "too-large",
                "The body is over the site's limit. Store the data elsewhere and send a key to it.",
            )
        case SuspiciousOperation() | UnreadablePostError() | RawPostDataException():
            return Refused(
                HTTPStatus.BAD_REQUEST,
                "bad-request",
                "The body cannot be read. Send JSON as application/json.",
            )
        case NotMigrated():
            return _unavailable("The tables are not in the database. Its operators run: manage.py migrate")
        case OperationalError() | InterfaceError():
            logger.error("The API cannot reach the database.", exc_info=error)
            # Its own words may name hosts and users.
            return _unavailable("The database does not answer. Try again in a while.")
    return _failure(request, error)


def _without_parameter(error: dict[str, Any]) -> dict[str, Any]:
    """Leave out what a view calls the body, which is no business of callers."""
    source, *place = error["loc"]
    return {**error, "loc": [source, *(place[1:] if source == "body" else place)]}


def _unavailable(detail: str) -> Refused:
    headers = {"Retry-After": str(RETRY_AFTER)}
    return Refused(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", detail, headers=headers)


def _failure(request: HttpRequest, error: Exception) -> Refused:
    """Tell the site's own people of a fault, as Django would, and the caller that it is none of theirs."""
    refusal = Refused(
        HTTPStatus.INTERNAL_SERVER_ERROR, "failure", "The site has failed. The fault is in its log."
    )
    got_request_exception.send(sender=None, request=request)
    log_response(
        "Internal Server Error: %s",
        request.path,
        response=refusal.response(),
        request=request,
        exception=error,
    )
    return refusal


_REMEDIES = {
    "missing": "Add it.",
    "extra_forbidden": "Leave it out.",
    "json_invalid": "Send JSON whose texts are whole characters.",
    "int": "Give a whole number, such as 7.",
    "float": "Give a number, such as 1.5.",
    "bool": "Give true or false.",
    "string": "Give another text.",
    "list": "Give a list.",
    "dict": "Give an object.",
    "date": "Give a date as in 2026-01-31.",
    "datetime": "Give a date and time as in 2026-01-31T14:30:00Z.",
    "uuid": "Give an id as in 01890a5d-ac96-774b-bcce-b302099a8057.",
    "timezone": "Add the zone, as in 2026-01-31T14:30:00Z.",
}


def _remedy(kind: str) -> str:
    """Return what to do about an error of pydantic's, by its name or by the type that it names."""
    return _REMEDIES.get(kind) or _REMEDIES.get(kind.partition("_")[0], "Give another value.")


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."

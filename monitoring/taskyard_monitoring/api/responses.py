"""The answers that operations have in common, as their description lists them."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from .shapes import Problem

_EVERYWHERE = (
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
"""Not signed in; not permitted, or without the CSRF token; too often; a fault of ours; no database."""

WITH_BODY = (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY)
"""What becomes of a body that cannot be read, is too large, or says what cannot be."""


def answers(shape: Any, *others: int | Iterable[int], status: int = HTTPStatus.OK) -> dict[int, Any]:
    """Return what an operation may answer: a shape, or problems with these and the usual statuses."""
    statuses = [*_EVERYWHERE]
    for each in others:
        statuses += [HTTPStatus(each)] if isinstance(each, int) else map(HTTPStatus, each)
    return {int(status): shape, **{int(each): Problem for each in sorted(statuses)}}

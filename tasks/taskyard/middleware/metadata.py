"""Metadata from the request: which one enqueued a job, and who had sent it."""

from functools import partial

from django.http import HttpRequest

from taskyard.metadata import job_metadata

from .hybrid import Around, hybrid
from .request_id import HEADER, valid_request_id


@hybrid
def job_metadata_middleware(request: HttpRequest) -> Around:
    """Let jobs carry the `request_id` and the `user` (the key as text).

    Stands below Django's AuthenticationMiddleware. A request that enqueues nothing is not asked for its user.
    The id is that of `request_id_middleware`; without that one, of the header X-Request-Id, if it is valid.
    """

    def user() -> str | None:
        found = getattr(request, "user", None)
        return str(found.pk) if found is not None and found.is_authenticated else None

    request_id = valid_request_id(getattr(request, "request_id", None) or request.headers.get(HEADER))
    return Around(partial(job_metadata, request_id=request_id, user=user))

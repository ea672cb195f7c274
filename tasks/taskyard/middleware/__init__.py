"""Middleware for sync and async stacks alike: who asked, and how long the answer took.

In the settings::

    MIDDLEWARE = [
        "taskyard.middleware.request_id_middleware",
        "taskyard.middleware.server_timing_middleware",
        …,
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "taskyard.middleware.job_metadata_middleware",
    ]
"""

from .metadata import job_metadata_middleware
from .request_id import RequestIdFilter, current_request_id, request_id_middleware
from .timing import server_timing_middleware, timed

__all__ = [
    "RequestIdFilter",
    "current_request_id",
    "job_metadata_middleware",
    "request_id_middleware",
    "server_timing_middleware",
    "timed",
]

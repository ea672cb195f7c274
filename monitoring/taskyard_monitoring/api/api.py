"""The API as a whole: `api.urls`, or `path("api/", include("taskyard_monitoring.api.urls"))`."""

from functools import lru_cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, path, re_path
from django.utils.encoding import escape_uri_path
from ninja import NinjaAPI

from . import jobs, queues, schedules, tasks, workers
from .answering import answering, nothing_here
from .callers import SessionAuth, TokenAuth
from .description import completed
from .docs import docs
from .problems import explained

DESCRIPTION = """\
Background jobs: enqueue them, watch them, and steer them.

You see your own jobs, and all of them with the permission `taskyard_monitoring.view_console`, unless the site
has a rule of its own. Whatever goes wrong is told as problem details (RFC 9457). Who sends too much is told
so by 429 and `Retry-After`.
"""


class JobsAPI(NinjaAPI):
    """Django Ninja's API, with one shape for all that goes wrong; it may be mounted anywhere, also twice."""

    def set_default_exception_handlers(self) -> None:
        """Explain every exception our way."""
        self.add_exception_handler(Exception, explained)  # type: ignore[arg-type] # it says "or the class"

    @property
    def urls(self) -> tuple[list[URLPattern | URLResolver], str, str]:
        """See `NinjaAPI.urls`; ends with what answers for all addresses that there are not."""
        patterns, app_name, namespace = super().urls
        found: list[URLPattern | URLResolver] = []
        for pattern in patterns:
            if isinstance(pattern, URLPattern) and pattern.name != "api-root":
                pattern.callback = answering(pattern.callback)
                found.append(pattern)
        found += [path("docs", docs, name="docs"), re_path("", answering(nothing_here))]
        return found, app_name, namespace

    @lru_cache(maxsize=16)  # noqa: B019 - there is one API, and it stays
    def described(self, path_prefix: str) -> dict[str, Any]:
        """Return the OpenAPI description of the API as it is mounted at an address."""
        return completed(self.get_openapi_schema(path_prefix=path_prefix))


api = JobsAPI(
    title="Taskyard",
    version="1",
    description=DESCRIPTION,
    urls_namespace="taskyard_api",
    openapi_url=None,
    docs_url=None,
    auth=[TokenAuth(), SessionAuth()],
)

api.add_router("jobs", jobs.router)
api.add_router("tasks", tasks.router)
api.add_router("queues", queues.router)
api.add_router("schedules", schedules.router)
api.add_router("workers", workers.router)


@api.get("openapi.json", include_in_schema=False, url_name="openapi")
async def openapi(request: HttpRequest) -> HttpResponse:
    """Return the description of the API, its addresses as the caller has them."""
    prefix = escape_uri_path(request.path).removesuffix("openapi.json")
    return api.create_response(request, api.described(prefix), status=200)

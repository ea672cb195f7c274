"""Both stacks of Django, with ours in them."""

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client

from taskyard.middleware import RequestIdFilter
from tests.support.log_lines import lines_of

AUTHENTICATION = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]


async def _aread(response):
    if response.streaming:
        response.read = b"".join([chunk async for chunk in response])
    return response


@pytest.fixture
def site(settings):
    """Have the site of `tests.tasks.middleware.site` answer, with these middlewares of ours."""
    settings.ROOT_URLCONF = "tests.tasks.middleware.site"
    settings.TEMPLATES = []

    def use(*ours):
        above = [f"taskyard.middleware.{name}" for name in ours if name != "job_metadata_middleware"]
        below = ["taskyard.middleware.job_metadata_middleware"] if "job_metadata_middleware" in ours else []
        settings.MIDDLEWARE = [*above, *AUTHENTICATION, *below]

    return use


@pytest.fixture(params=["sync", "async", "sync view in async stack", "async view in sync stack"])
def get(request):
    """Ask a view: `get("tell", user=ada, **headers)`; `.read` is the body, that of a stream too."""
    stack, view = {
        "sync": ("sync", "sync"),
        "async": ("async", "async"),
        "sync view in async stack": ("async", "sync"),
        "async view in sync stack": ("sync", "async"),
    }[request.param]

    def ask(name, *, user=None, query="", **headers):
        client = (AsyncClient if stack == "async" else Client)(raise_request_exception=False)
        if user is not None:
            client.force_login(user)
        address = f"/{view}/{name}/{query}"
        if stack == "async":

            async def aask():
                return await _aread(await client.get(address, headers=headers))

            response = async_to_sync(aask)()
        else:
            response = client.get(address, headers=headers)
            if response.streaming and response.is_async:
                response = async_to_sync(_aread)(response)
            elif response.streaming:
                response.read = b"".join(response)
        if not response.streaming:
            response.read = response.content
        return response

    return ask


@pytest.fixture
def lines():
    """Return the formatted lines of a handler with the filter."""
    layout = "[%(request_id)s] %(name)s: %(message)s"
    with lines_of(RequestIdFilter(), layout, "tests.site", "django.request", "tests.lines") as written:
        yield written

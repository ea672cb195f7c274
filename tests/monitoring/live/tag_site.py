"""A site whose pages show how far jobs are, under a policy that lets no page run or style anything of its own."""

import os

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.monitoring.live.tag_settings"

from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application
from django.http import HttpResponse
from django.template import engines
from django.urls import include, path

site = ASGIStaticFilesHandler(get_asgi_application())

from taskyard_monitoring.live import watcher  # noqa: E402
from tests.monitoring.console.site import POLICY  # noqa: E402 - the apps are ready now

PAGE = """{% load taskyard_live %}<!doctype html><html lang="en"><head><title>Jobs</title></head><body><main>
<h1>Jobs</h1>{% for job in jobs %}{% job_progress job label="Import" then=then %}{% endfor %}
</main></body></html>"""

streams = {"opened": 0, "refused": os.environ.get("TEST_NO_STREAM") == "1"}


def page(request):
    """Show the jobs that the query names."""
    jobs = [word for word in request.GET.get("jobs", "").split(",") if word]
    context = {"jobs": jobs, "then": request.GET.get("then", "")}
    return HttpResponse(engines["django"].from_string(PAGE).render(context, request))


def done(_):
    """The page after the job."""
    return HttpResponse("<!doctype html><html lang=en><title>Done</title><h1>All is done</h1>")


def opened(_):
    """Tell how many streams were opened."""
    return HttpResponse(str(streams["opened"]))


def listeners(_):
    """Tell how many listen."""
    return HttpResponse(str(len(watcher)))


urlpatterns = [
    path("favicon.ico", lambda _: HttpResponse(status=204)),
    path("", page),
    path("done/", done),
    path("opened/", opened),
    path("listeners/", listeners),
    path("live/", include("taskyard_monitoring.live.urls")),
]


async def application(scope, receive, send):
    """Answer as Django does, with the policy; where the test wants none, without streams."""

    async def send_with_policy(message):
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], (b"content-security-policy", POLICY)]}
        await send(message)

    if scope["type"] == "http" and scope["path"] == "/live/events/":
        streams["opened"] += 1
        if streams["refused"]:
            await send({"type": "http.response.start", "status": 501, "headers": []})
            await send({"type": "http.response.body", "body": b"no streams here"})
            return
    await site(scope, receive, send_with_policy)

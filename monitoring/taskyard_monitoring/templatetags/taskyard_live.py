"""A job's progress on any page: `{% load taskyard_live %}{% job_progress result.id %}`."""

import json
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django import template
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse

from taskyard.database import jobs_alias
from taskyard.ids import parse_job_id
from taskyard.models import Job
from taskyard_monitoring.console.viewer import viewer_of
from taskyard_monitoring.live.jobs import UNKNOWN, job_data
from taskyard_monitoring.scope import scope_of

register = template.Library()

WORDS = {
    "waiting": "Waiting",
    "scheduled": "Waiting",
    "retrying": "Waiting to try again",
    "running": "Running",
    "cancelling": "Stopping",
    "successful": "Done",
    "failed": "Failed",
    "cancelled": "Cancelled",
    UNKNOWN: "Unknown job",
}
"""What people read of a state. The script has it from the page, where a site's own template may change it."""

NO_ID = UUID(int=0)
"""Stands for what is no job's id."""


@register.inclusion_tag("taskyard/live/job_progress.html", takes_context=True)
def job_progress(
    context: template.Context, job: object, *, label: str = "Progress", then: str = ""
) -> dict[str, Any]:
    """Show how far a job is; where scripts run, it goes on showing it.

    Who may not see the job is shown what an unknown one looks like. The database is asked, so a template with
    it is rendered by synchronous code: in an async view by `sync_to_async(render)`.

    Args:
        context: the template's. Without a `request` in it, whoever looks is a stranger.
        job: a job's id, or what `enqueue` returned.
        label: what is under way, for those who cannot see the bar.
        then: the address of a page to go to once the job is successful.

    Raises:
        ImproperlyConfigured: where the site has no addresses for live updates.
        ValueError: where `then` is no address of a page.
    """
    if urlsplit(then).scheme not in {"", "http", "https"}:
        raise ValueError(f"{{% job_progress %}} takes the address of a page as `then`, not {then!r}.")
    request = context.get("request")
    job_id = parse_job_id(getattr(job, "id", job)) or NO_ID
    data = _present(job_id, getattr(request, "user", AnonymousUser()))
    state = data["state"]
    return {
        "job_id": job_id,
        "state": state,
        "is_finished": state == UNKNOWN or data["is_finished"],
        "word": WORDS.get(state, state),
        "detail": data.get("note", ""),
        "value": _value(state, data.get("percent")),
        "label": label,
        "then": then,
        "here": request.get_full_path() if request is not None else "",
        "words_as_json": json.dumps(WORDS),
        "script_url": static("taskyard_live/progress.js"),
        # Django's own Content Security Policy, or django-csp's.
        "nonce": context.get("csp_nonce") or getattr(request, "csp_nonce", ""),
        **_addresses(job_id),
    }


def _present(job_id: UUID, user: Any) -> dict[str, Any]:
    jobs = Job.objects.using(jobs_alias())
    job = jobs.filter(scope_of(user).condition(), pk=job_id).first()
    return {"state": UNKNOWN} if job is None else job_data(job, inside=viewer_of(user).may_view)


def _value(state: str, percent: int | None) -> int | None:
    """Return how full the bar is; None where nobody knows. The script does the same."""
    if state == "running":
        return percent
    return 100 if state == "successful" else 0


def _addresses(job_id: UUID) -> dict[str, str]:
    try:
        return {
            "events_url": reverse("taskyard_live:events"),
            "wait_url": reverse("taskyard_live:wait", args=[job_id]),
        }
    except NoReverseMatch as error:
        raise ImproperlyConfigured(
            "{% job_progress %} needs the addresses of live updates: add "
            'path("live/", include("taskyard_monitoring.live.urls")) to your urlpatterns.'
        ) from error

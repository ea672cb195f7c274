"""The list of jobs: searched by words, split by state, paged by id."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from taskyard.database import explained_errors, jobs_alias
from taskyard.ids import parse_job_id
from taskyard.models import Job
from taskyard.operating.counting import Capped
from taskyard.operating.operations import CANCEL, RETRY, RUN_NOW
from taskyard.operating.search import WINDOW, Search
from taskyard.operating.words import BadSearch
from taskyard_monitoring.snapshot import snapshot

from .access import viewer_required
from .jobs_paging import SIZE, JobsPage, page_after, page_before
from .jobs_rows import Row, news
from .jobs_words import with_state
from .links import jobs_url
from .page import page

STATES = ("waiting", "scheduled", "retrying", "running", "failed", "cancelled", "successful")
"""The states that the tabs show: no job is in two of them."""

OPERATIONS = (RETRY, CANCEL, RUN_NOW)


@dataclass(frozen=True, slots=True)
class Tab:
    """The jobs of one state among those that are looked for."""

    state: str
    """"": of all states."""

    url: str
    is_open: bool
    count: Capped | None
    """How many there are; None where nobody has counted, for it would take too long."""


@viewer_required
def jobs(request: HttpRequest) -> HttpResponse:
    """Show what a search finds; all jobs without one."""
    text = request.GET.get("q", "").strip()
    context: dict[str, Any] = {
        "text": text,
        "window": f"{WINDOW:,}",
        "operations": OPERATIONS,
        "words": (*STATES, "cancelling"),
    }
    try:
        search = Search.parse(text)
    except BadSearch as fault:
        return page(
            request,
            "taskyard/console/jobs/list.html",
            {**context, "fault": str(fault), "tabs": [], "rows": []},
            here="jobs",
        )
    found = _found(request, search)
    context |= {
        "search": search,
        "tabs": tabs(text, search),
        "rows": [Row(job) for job in found.jobs],
        "found": found,
        "is_first": found.newer is None,
        "first_url": jobs_url(text),
        "older_url": found.older and jobs_url(text, before=str(found.older)),
        "newer_url": found.newer and jobs_url(text, after=str(found.newer)),
    }
    return page(request, "taskyard/console/jobs/list.html", context, here="jobs")


@viewer_required
def first(request: HttpRequest) -> HttpResponse:
    """Answer with the ids on the first page of a search and the tabs' counts, as they are by now."""
    text = request.GET.get("q", "")
    try:
        search = Search.parse(text)
        found = page_before(search)
    except BadSearch:
        return JsonResponse({"ids": [], "counts": {}, "news": []})
    counts = {tab.state: str(tab.count) for tab in tabs(text, search) if tab.count is not None}
    shown = latest(request.GET.get("shown", ""))
    return JsonResponse({"ids": [str(job.pk) for job in found.jobs], "counts": counts, "news": shown})


def latest(shown: str) -> list[dict[str, Any]]:
    """Return the news of the jobs that a view shows, for one that no stream reaches.

    Args:
        shown: their ids, with commas between them.
    """
    ids = [job_id for text in shown.split(",")[:SIZE] if (job_id := parse_job_id(text))]
    if not ids:
        return []
    with explained_errors():
        return [
            {"id": str(job.pk), **news(job)}
            for job in Job.objects.using(jobs_alias()).defer("return_value").filter(pk__in=ids)
        ]


def tabs(text: str, search: Search) -> list[Tab]:
    """Return a tab for each state, with the counts of the whole table where that is what is looked at.

    The counts come with the snapshot that all pages share. Counting what a narrower search finds, state by
    state, would cost more than the page.
    """
    others = with_state(text, "")
    counts = {} if others else snapshot().counts
    chosen = [state.lower() for state in search.states]
    return [
        Tab("", jobs_url(others), is_open=not chosen, count=None),
        *(
            Tab(
                state,
                jobs_url(with_state(text, state)),
                is_open=chosen == [state],
                count=counts.get(state),
            )
            for state in STATES
        ),
    ]


def _found(request: HttpRequest, search: Search) -> JobsPage:
    after = parse_job_id(request.GET.get("after"))
    if after is not None:
        return page_after(search, after)
    return page_before(search, parse_job_id(request.GET.get("before")))

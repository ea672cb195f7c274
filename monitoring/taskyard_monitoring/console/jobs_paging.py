"""Going through what a search finds, page by page, towards older and towards newer jobs."""

from dataclasses import dataclass
from uuid import UUID

from taskyard.database import explained_errors, jobs_alias
from taskyard.models import Job
from taskyard.operating.search import WINDOW, Search

SIZE = 50
"""Jobs on a page."""


@dataclass(frozen=True, slots=True)
class JobsPage:
    """Some of the jobs that a search finds, newest first."""

    jobs: list[Job]
    older: UUID | None
    """Before which the page of older jobs starts; None: there is none."""

    newer: UUID | None
    """After which the page of newer jobs starts; None: there is none."""

    is_end_of_window: bool = False
    """Whether enough jobs were looked through: there may be more beyond them."""


def page_before(search: Search, before: UUID | None = None) -> JobsPage:
    """Return the newest jobs, or those before a job."""
    found = search.page(before=before, size=SIZE)
    newer = None if before is None else found.jobs[0].pk if found.jobs else before
    return JobsPage(found.jobs, found.go_on_before, newer, found.is_end_of_window)


def page_after(search: Search, after: UUID) -> JobsPage:
    """Return the jobs that come next after a job; the newest ones where no more than a page are left."""
    end = _end_of_window_after(search, after)
    jobs = search.jobs().defer("return_value").filter(pk__gt=after).order_by("pk")
    with explained_errors():
        found = list((jobs if end is None else jobs.filter(pk__lte=end))[: SIZE + 1])
    if len(found) > SIZE:
        shown = found[SIZE - 1 :: -1]
        return JobsPage(shown, older=shown[-1].pk, newer=shown[0].pk)
    if end is None:
        return page_before(search)
    return JobsPage(found[::-1], older=found[0].pk if found else after, newer=end, is_end_of_window=True)


def _end_of_window_after(search: Search, after: UUID) -> UUID | None:
    """Return the newest job that a page looks at, None where there is no need for an end."""
    if search.end_of_window() is None:
        return None
    keys = Job.objects.using(jobs_alias()).filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)
    with explained_errors():
        return keys[WINDOW - 1 : WINDOW].first()

"""What people did: who, with what, to how many, and why."""

import re
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from taskyard.ids import parse_job_id
from taskyard.models import AuditEntry
from taskyard.operating.audit import WINDOW, entries
from taskyard.operating.deeds import DELETE, MOVE, PAUSE, RESUME, RUN

from .access import administrator_required
from .bulk import OPERATIONS
from .jobs_rows import shortened
from .links import jobs_url
from .page import page
from .workers import WISHES

ACTIONS = (*OPERATIONS, MOVE, PAUSE, RESUME, RUN, *WISHES, DELETE)
"""What the field offers; anything else may be typed as well."""

LONGEST_SUBJECT = 300

_SEARCH = re.compile(r"'?(task|queue|state|tag|backend|worker|since|args\.[^\s:]+):")


@dataclass(frozen=True, slots=True)
class Row:
    """An entry as the list shows it."""

    entry: AuditEntry

    @property
    def count(self) -> str:
        """To how many it was done."""
        return f"{self.entry.count:,}"

    @property
    def subject(self) -> str:
        """To what it was done."""
        return shortened(self.entry.subject, LONGEST_SUBJECT)

    @property
    def user_url(self) -> str:
        """Where all is that this user did."""
        return audit_url(user=self.entry.user)

    @property
    def job_url(self) -> str:
        """Where the job is, if it was one."""
        kind, _, rest = self.entry.subject.partition(" ")
        job_id = parse_job_id(rest.split(" ")[0]) if kind == "job" else None
        return reverse("taskyard:job", args=[job_id]) if job_id else ""

    @property
    def search_url(self) -> str:
        """Where the jobs are that a search finds, if it was one."""
        return jobs_url(self.entry.subject) if _SEARCH.match(self.entry.subject) else ""


@administrator_required
def audit(request: HttpRequest) -> HttpResponse:
    """Show who did what, newest first."""
    wanted = {name: request.GET.get(name, "").strip() for name in ("user", "action", "text")}
    before = request.GET.get("before", "")
    found = entries(
        before=int(before) if before.isdecimal() and len(before) < 19 else None,
        user=wanted["user"],
        action=wanted["action"],
        text=wanted["text"],
    )
    context = {
        "wanted": wanted,
        "is_narrowed": any(wanted.values()),
        "actions": ACTIONS,
        "entries": [Row(entry) for entry in found.entries],
        "is_end_of_window": found.is_end_of_window,
        "is_later_page": bool(before),
        "window": f"{WINDOW:,}",
        "newest_url": audit_url(**wanted),
        "older_url": found.go_on_before and audit_url(**wanted, before=str(found.go_on_before)),
    }
    return page(request, "taskyard/console/audit/page.html", context, here="audit")


def audit_url(**query: str) -> str:
    """Return the address of the audit, narrowed so."""
    given = urlencode({name: value for name, value in query.items() if value})
    address = reverse("taskyard:audit")
    return f"{address}?{given}" if given else address

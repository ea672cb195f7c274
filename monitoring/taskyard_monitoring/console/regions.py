"""The parts of pages that follow what happens: drawn from one snapshot for all viewers of a level."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe

from taskyard_monitoring.snapshot import QueueNow, Snapshot, snapshot

from .access import viewer_required
from .health_strip import tiles
from .viewer import Viewer, viewer_of

Region = Callable[[Snapshot, Viewer], str]

Prepare = Callable[[Snapshot], dict[str, Any]]


def _region(name: str, prepare: Prepare = lambda _: {}) -> Region:
    """Return what draws a region from its template, and from what is worked out of the snapshot for it."""

    def draw(shown: Snapshot, viewer: Viewer) -> str:
        context = {"snapshot": shown, "viewer": viewer, **prepare(shown)}
        return render_to_string(f"taskyard/console/regions/{name}.html", context)

    return draw


def _busy(shown: Snapshot) -> list[QueueNow]:
    """Return the queues in which something waits, runs or ended lately, and the paused ones."""
    return [
        queue
        for queue in shown.queues
        if queue.status.waiting or queue.status.running or queue.status.paused or queue.rate.finished
    ]


def _asked(shown: Snapshot) -> dict[str, datetime]:
    """Return when each broker was asked last, by backend."""
    return {
        engine.alias: shown.at.replace(microsecond=0) - timedelta(seconds=round(engine.age))
        for engine in shown.engines
        if engine.has_broker and engine.age is not None
    }


REGIONS: dict[str, Region] = {
    "health": _region("health", lambda shown: {"tiles": tiles(shown)}),
    "counts": _region("counts"),
    "queues_in_short": _region("queues_in_short", lambda shown: {"busy": _busy(shown)}),
    "queues": _region("queues"),
    "workers": _region("workers", lambda shown: {"stuck": [job for job in shown.running if job.is_stuck]}),
    "schedules": _region("schedules"),
    "engines": _region("engines", lambda shown: {"asked": _asked(shown)}),
}
"""By the name that a page's `data-region` gives. Nothing in them depends on the present time, so that one in
which nothing has happened stays the same text: ages tick in the viewer's browser."""


@viewer_required
@require_safe
def region(request: HttpRequest, name: str) -> HttpResponse:
    """Answer with one region, for pages that cannot have it pushed."""
    if name not in REGIONS:
        raise Http404(f"There is no region {name!r}.")
    return HttpResponse(REGIONS[name](snapshot(), viewer_of(request.user)))

"""How the console shows times, states and numbers.

A page is the same for all who look at it, wherever they live: a `<time>` carries the moment in UTC and the
server's reading of it, which the script replaces by the viewer's own, or by how long ago it was.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django import template
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from taskyard.models import Schedule
from taskyard.operating.presenting import local_time, span
from taskyard.operating.search import Search
from taskyard.schedules.showing import shown_times
from taskyard.schedules.times import moment_of
from taskyard_monitoring.console.figures import NOTHING, shown_ratio
from taskyard_monitoring.console.links import jobs_url
from taskyard_monitoring.console.regions import REGIONS
from taskyard_monitoring.console.viewer import Level, Viewer
from taskyard_monitoring.snapshot import Snapshot, snapshot

register = template.Library()

ROLES = {
    Level.NONE: "no access",
    Level.VIEW: "views",
    Level.OPERATE: "operates",
    Level.ADMINISTER: "administers",
}

TONES = {
    "good": ("successful", "succeeded", "alive", "active", "reachable", "good"),
    "bad": ("failed", "lost", "faulty", "unreachable", "bad", "error", "stuck"),
    "warn": ("paused", "silent", "late", "cancelling", "retrying", "warning", "quiet", "stopping"),
    "info": ("running",),
}
"""How a state is to be felt; what is in none of these is neutral."""

_TONE_OF = {state: tone for tone, states in TONES.items() for state in states}


@register.filter
def iso(moment: datetime) -> str:
    """Return a moment in UTC, as scripts read it."""
    return f"{moment_of(moment).astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"


@register.filter
def at(moment: datetime | None) -> SafeString | str:
    """Show when something is."""
    return _time(moment, "at")


@register.filter
def ago(moment: datetime | None) -> SafeString | str:
    """Show how long ago something was, or in how long it will be; it ticks."""
    return _time(moment, "ago")


@register.filter
def due(moment: datetime | None) -> SafeString | str:
    """Show in how long something is due, or since when it is; it ticks."""
    return _time(moment, "due")


@register.filter
def running(moment: datetime | None) -> SafeString | str:
    """Show for how long something goes on since a moment; it ticks."""
    return _time(moment, "for")


@register.filter
def length_of_time(length: timedelta | float | None) -> str:
    """Show a length of time, given as such or in seconds."""
    if length is None:
        return NOTHING
    return span(length if isinstance(length, timedelta) else timedelta(seconds=length))


@register.filter
def memory(size: int | None) -> str:
    """Show a number of bytes."""
    return NOTHING if size is None else filesizeformat(size)


@register.filter
def or_nothing(value: Any) -> Any:
    """Show a dash where there is nothing; 0 is something."""
    return NOTHING if value is None or value == "" else value


@register.filter
def percent(ratio: float | None) -> str:
    """Show a part of a whole, given as 0 to 1."""
    return shown_ratio(ratio)


@register.filter
def times(schedule: Schedule) -> str:
    """Show when a schedule's slots are."""
    return shown_times(schedule)


@register.filter
def short_task(path: str) -> str:
    """Show the name of a task without the modules it is in."""
    return path.rpartition(".")[2]


@register.filter
def workers_of(backend: str, shown: Snapshot) -> str:
    """Show how many workers of a backend live."""
    count = sum(
        worker.status.process.backend == backend and worker.status.state != "lost" for worker in shown.workers
    )
    return {0: "none", 1: "1 worker"}.get(count, f"{count} workers")


@register.filter
def value_of(mapping: Mapping[str, Any], key: str) -> Any:
    """Return what a mapping has for a key, None where it has nothing."""
    return mapping.get(key)


@register.filter
def tone(state: str) -> str:
    """Return how a state is to be felt: good, warn, bad, info or plain."""
    return _TONE_OF.get(state.lower(), "plain")


@register.filter
def role(viewer: Viewer) -> str:
    """Return what somebody may do, in a word."""
    return ROLES[viewer.level]


@register.filter
def add_up(place: float, distance: float) -> str:
    """Move a place in a drawing."""
    return f"{place + distance:g}"


@register.inclusion_tag("taskyard/console/parts/region.html", takes_context=True)
def region(context: template.Context, name: str) -> dict[str, str]:
    """Show a region of the page that follows what happens."""
    return {"name": name, "html": SafeString(REGIONS[name](snapshot(), context["viewer"]))}


@register.inclusion_tag("taskyard/console/parts/meter.html")
def meter(used: int, total: int) -> dict[str, Any]:
    """Show how much of something is in use."""
    return {"percent": min(100, round(100 * used / total)) if total else 0, "is_full": used >= total}


@register.simple_tag
def jobs_link(state: str = "", queue: str = "", backend: str = "", worker: str = "") -> str:
    """Return the address of the list of certain jobs."""
    search = Search(
        states=(state.upper(),) if state else (),
        queues=(queue,) if queue else (),
        backends=(backend,) if backend else (),
        workers=(worker,) if worker else (),
    )
    return jobs_url(str(search))


@register.simple_tag
def state(word: str) -> SafeString:
    """Show a state as a badge: a word, and a colour for those who see it."""
    return format_html('<span class="state {}">{}</span>', tone(word), word)


@register.simple_tag
def server_zone() -> str:
    """Return the name of the zone that times are in where no script runs."""
    return timezone.get_current_timezone_name()


def _time(moment: datetime | None, kind: str) -> SafeString | str:
    if moment is None:
        return NOTHING
    shown = f"{local_time(moment):%Y-%m-%d %H:%M:%S}"
    return format_html('<time datetime="{}" data-{}>{}</time>', iso(moment), kind, shown)

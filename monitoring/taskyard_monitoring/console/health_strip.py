"""The tiles of the health strip: each a figure, what it means, and where the page is that explains it."""

from dataclasses import dataclass

from django.urls import reverse

from taskyard.operating.search import Search
from taskyard.states import JobState
from taskyard_monitoring.snapshot import Sign, Snapshot

from .figures import shown_ratio
from .links import jobs_url

TITLES = {
    "waiting": "Oldest waiting",
    "failures": "Failures",
    "stuck": "Stuck",
    "workers": "Workers",
    "schedules": "Late schedules",
    "brokers": "Brokers",
}


@dataclass(frozen=True, slots=True)
class Tile:
    """One sign as people see it."""

    sign: Sign
    title: str
    figure: str
    note: str
    url: str


def tiles(shown: Snapshot) -> list[Tile]:
    """Return the tiles, in the order of the strip."""
    figures, urls = _figures(shown), _urls()
    return [
        Tile(sign, TITLES[sign.name], figures[sign.name], _note(sign, shown), urls[sign.name])
        for sign in shown.health.signs
    ]


def _note(sign: Sign, shown: Snapshot) -> str:
    if sign.name == "failures":
        return f"in 5 min, {shown_ratio(shown.health.failure_ratio_1h)} in 1 h"
    return sign.words


def _figures(shown: Snapshot) -> dict[str, str]:
    health = shown.health
    brokers = [engine for engine in shown.engines if engine.has_broker]
    answering = sum(engine.is_reachable is not False for engine in brokers)
    return {
        "waiting": "none" if health.oldest_waiting is None else _coarse(health.oldest_waiting),
        "failures": shown_ratio(health.failure_ratio_5m),
        "stuck": str(health.stuck),
        "workers": str(health.workers_alive),
        "schedules": str(health.late_schedules),
        "brokers": f"{answering} of {len(brokers)}" if brokers else "none needed",
    }


def _urls() -> dict[str, str]:
    return {
        "waiting": reverse("taskyard:queues"),
        "failures": jobs_url(str(Search(states=(JobState.FAILED,)))),
        "stuck": reverse("taskyard:workers"),
        "workers": reverse("taskyard:workers"),
        "schedules": reverse("taskyard:schedules"),
        "brokers": reverse("taskyard:engines"),
    }


def _coarse(seconds: float) -> str:
    """Return a length of time so that it seldom changes while somebody looks at it."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"

"""The first page: how it goes now, how it went lately, and what there is to look at."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.views.decorators.http import require_safe

from taskyard_monitoring.history.charting import chart

from .access import viewer_required
from .charts_svg import drawn
from .page import page

MEASURES = {"executed": "Executed", "run": "Run time", "wait": "Queue wait"}
PERCENTILES = {"50": "p50", "95": "p95", "99": "p99"}
GROUPS = {"queue": "Queue", "task": "Task", "engine": "Engine", "worker": "Worker", "outcome": "Outcome"}
SPANS = {"15m": "15 min", "1h": "1 h", "24h": "24 h"}

TIMES_GROUPS = tuple(group for group in GROUPS if group != "outcome")
"""Times are not kept by outcome."""


@dataclass(frozen=True, slots=True)
class Option:
    """Something that can be chosen for the chart."""

    key: str
    title: str
    url: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Choices:
    """What the chart shows, as its URL says."""

    measure: str = "executed"
    percentile: str = "95"
    group: str = "queue"
    span: str = "1h"

    @classmethod
    def of(cls, query: QueryDict) -> "Choices":
        """Read them from a URL; what is not to be had is as if it was not asked for."""
        default = cls()
        measure = _known(query.get("measure"), MEASURES, default.measure)
        groups = GROUPS if measure == "executed" else TIMES_GROUPS
        return cls(
            measure=measure,
            percentile=_known(query.get("percentile"), PERCENTILES, default.percentile),
            group=_known(query.get("group"), groups, default.group),
            span=_known(query.get("span"), SPANS, default.span),
        )

    @property
    def is_of_times(self) -> bool:
        """Whether it shows lengths of time, at a percentile."""
        return self.measure != "executed"

    @property
    def title(self) -> str:
        """What the chart shows, in words."""
        by = f"by {GROUPS[self.group].lower()}, last {SPANS[self.span]}"
        if not self.is_of_times:
            return f"Executed a second {by}"
        return f"{MEASURES[self.measure]} at {PERCENTILES[self.percentile]} {by}"

    def menus(self) -> list[tuple[str, list[Option]]]:
        """Return what can be chosen, by what it is called."""
        menus = [("Measure", self._options("measure", MEASURES))]
        if self.is_of_times:
            menus.append(("Percentile", self._options("percentile", PERCENTILES)))
        groups = {key: GROUPS[key] for key in TIMES_GROUPS} if self.is_of_times else GROUPS
        menus.append(("Group by", self._options("group", groups)))
        menus.append(("Span", self._options("span", SPANS)))
        return menus

    def _options(self, name: str, titles: dict[str, str]) -> list[Option]:
        chosen = {field: getattr(self, field) for field in self.__slots__}
        here = reverse("taskyard:overview")
        return [
            Option(f"{name}-{key}", title, f"{here}?{urlencode(chosen | {name: key})}", chosen[name] == key)
            for key, title in titles.items()
        ]


@viewer_required
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """Show how it goes."""
    choices = Choices.of(request.GET)
    shown: Any = chart(choices.measure, choices.group, choices.span, int(choices.percentile))  # type: ignore[arg-type]
    context = {"choices": choices, "drawing": drawn(shown, choices.measure, choices.span)}
    return page(request, "taskyard/console/overview.html", context, here="overview")


def _known(asked: str | None, known: Collection[str], default: str) -> str:
    return asked if asked is not None and asked in known else default

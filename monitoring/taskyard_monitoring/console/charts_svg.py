"""A chart as SVG that the server draws: readable axes, a legend, and no script.

The drawing stretches with the page while its text does not: distances across are percentages, those down are
pixels, and the lines live in a picture of their own that is stretched without becoming thicker.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from taskyard.operating.presenting import local_time
from taskyard_monitoring.history.charting import Chart

from .figures import shown_rate, shown_seconds

WIDTH = 1000
"""Of the picture that holds the lines, before it is stretched."""

HEIGHT = 220
"""Of the same, in pixels."""

TICKS = 4
"""Lines across the picture, about so many."""

_NICE = (1, 2, 2.5, 5, 10)

_NICE_MINUTES = (60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800, 43200, 86400)

_CLOCK_STEPS = {"15m": 180, "1h": 600, "24h": 14400}
"""Seconds between two times on the axis, by span."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A line across the picture, or a time under it, with what is written at it."""

    place: float
    """Pixels from above, or percent from the left."""

    text: str
    moment: datetime | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One series."""

    name: str
    number: int
    path: str
    latest: str
    """Its last known value, in words."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """All that the template needs."""

    lines: list[Line]
    levels: list[Mark]
    clock: list[Mark]
    rows: list[tuple[datetime, list[str]]]
    """The same in figures, the latest first."""

    height: int = HEIGHT
    width: int = WIDTH

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not any(line.path for line in self.lines)


def drawn(chart: Chart, measure: str, span: str) -> Drawing:
    """Draw a chart.

    Args:
        chart: what is to be drawn.
        measure: "executed" for jobs a second; all else is in seconds.
        span: "15m", "1h" or "24h".
    """
    top = max((value for series in chart.series for value in series.values if value is not None), default=0)
    step = _step(top, is_rate=measure == "executed")
    levels = _levels(top, step)
    roof = levels[-1]
    show = shown_rate if measure == "executed" else shown_seconds
    return Drawing(
        lines=[
            Line(series.name, number, _path(series.values, roof), show(_latest(series.values)))
            for number, series in enumerate(chart.series)
        ],
        levels=[Mark(_down(level, roof), show(level)) for level in levels],
        clock=list(_clock(chart.slots, _CLOCK_STEPS[span])),
        rows=[
            (slot, [show(series.values[place]) for series in chart.series])
            for place, slot in reversed(list(enumerate(chart.slots)))
        ],
    )


def _step(top: float, *, is_rate: bool) -> float:
    """Return how far apart the lines across are, so that what is written at them is round."""
    if top <= 0:
        return 1
    least = top / TICKS
    if not is_rate and least > 30:
        return next((size for size in _NICE_MINUTES if size >= least), 86400)
    size = 10.0 ** _order(least)
    return next(nice * size for nice in _NICE if nice * size >= least * 0.999)


def _order(value: float) -> int:
    return int(f"{value:e}".partition("e")[2])


def _levels(top: float, step: float) -> list[float]:
    levels = [0.0]
    while levels[-1] < top or len(levels) < 2:
        levels.append(len(levels) * step)
    return levels


def _down(value: float, roof: float) -> float:
    return round(HEIGHT - value / roof * (HEIGHT - 8), 1)


def _path(values: Sequence[float | None], roof: float) -> str:
    """Return the line through the values, a gap where there is none, a dot where one stands alone."""
    distance = WIDTH / max(len(values) - 1, 1)
    parts: list[str] = []
    is_drawing = False
    for place, value in enumerate(values):
        if value is None:
            is_drawing = False
            continue
        parts.append(f"{'L' if is_drawing else 'M'}{place * distance:.1f} {_down(value, roof)}")
        if not is_drawing:
            parts.append("h0")
        is_drawing = True
    return "".join(parts)


def _clock(slots: Sequence[datetime], step: int) -> Iterator[Mark]:
    """Return the round times under the picture."""
    if len(slots) < 2:
        return
    length = (slots[-1] - slots[0]) / timedelta(seconds=1)
    for before, slot in pairwise(slots):
        if int(_seconds_of_day(slot)) // step != int(_seconds_of_day(before)) // step:
            place = (slot - slots[0]) / timedelta(seconds=1) / length * 100
            if 2 < place < 98:
                yield Mark(round(place, 2), f"{local_time(slot):%H:%M}", slot)


def _seconds_of_day(moment: datetime) -> float:
    local = local_time(moment)
    return local.hour * 3600 + local.minute * 60 + local.second


def _latest(values: Sequence[float | None]) -> float | None:
    return next((value for value in reversed(values) if value is not None), None)

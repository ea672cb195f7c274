"""The figures as text."""

from collections.abc import Mapping
from typing import Any

ROWS = {
    "enqueued": "jobs enqueued during the cut",
    "in_hand": "jobs in the cut-off worker's hands",
    "went_on": "it began jobs for so long, s",
    "longest_wait": "longest wait of a job, s",
    "usual_wait": "usual wait before, s",
    "twice": "jobs that ran twice",
    "taken_over": "run again by others after, s",
    "back": "it began jobs again after healing, s",
    "lost": "jobs lost",
}

LONGEST_LINE = 150


def text(measured: Mapping[str, Any]) -> str:
    """Return a table for each cut, what the cut-off workers said, and what their /healthz answered."""
    parts = [f"Jobs at the end: {measured['jobs']}"]
    for network, backends in measured["cuts"].items():
        parts += ["", f"The {network} is cut off", _table(backends)]
        for backend, figures in backends.items():
            parts.append(f"{backend}: /healthz {'; '.join(figures['health']) or 'as before'}")
            parts += [
                f"  {at:6.1f} s {times:3}x  {words[:LONGEST_LINE]}" for at, times, words in figures["said"]
            ]
    return "\n".join(parts)


def _table(backends: Mapping[str, Mapping[str, Any]]) -> str:
    width = max(map(len, ROWS.values()))
    lines = [" " * width + "".join(f"{name:>14}" for name in backends)]
    for key, title in ROWS.items():
        cells = "".join(f"{_cell(figures[key]):>14}" for figures in backends.values())
        lines.append(f"{title:<{width}}{cells}")
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value[0]} to {value[1]}" if isinstance(value, list | tuple) else str(value)

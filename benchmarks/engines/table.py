"""The figures side by side, a row for each engine and broker."""

from typing import Any

from benchmarks.engines.combinations import COMBINATIONS

RATES = {"drained": "jobs/s", "enqueued": "enqueue/s", "enqueued_in_bulk": "in bulk/s"}
PICKUPS = {"pickup_p50": "pickup ms p50", "pickup_p99": "pickup ms p99"}

NOTE = "With our records | the bare engine | their ratio."


def rows(figures: dict[str, dict[str, Any]]) -> list[list[str]]:
    """Return the table's cells, its head included."""
    head = ["", "processes", *RATES.values(), *PICKUPS.values(), "cancel s", "rescue s", "after kill, bare"]
    return [head, *(_row(name, measured) for name, measured in figures.items())]


def _row(name: str, measured: dict[str, Any]) -> list[str]:
    combination = COMBINATIONS[name]
    ours, bare = measured["ours"], measured["bare"]
    return [
        name,
        f"{combination.processes} x {combination.slots}",
        *(f"{ours[rate]:,.0f} | {bare[rate]:,.0f} | {ours[rate] / bare[rate]:.2f}" for rate in RATES),
        *(f"{ours[pickup]:.1f} | {bare[pickup]:.1f}" for pickup in PICKUPS),
        f"{measured['cancel']:.1f}",
        f"{measured['rescue']:.1f}",
        combination.after_kill,
    ]


def text(figures: dict[str, dict[str, Any]]) -> str:
    """Return the table as plain text."""
    cells = rows(figures)
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]
    return "\n".join([*lines, "", NOTE])

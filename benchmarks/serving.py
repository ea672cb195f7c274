"""A view that waits 100 ms and one that does not, on every kind of server, at 200 connections.

    python -m benchmarks.serving [--connections 200] [--seconds 4] [--json FILE]

Every server has one process, gunicorn's sync workers four. What serves sync stacks gets the sync view, what
serves async stacks the async one, unless a row says otherwise.
"""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.load import load
from benchmarks.web_servers import serving

VIEWS = ("wait", "nothing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One way to serve."""

    server: str
    view: str = "async"
    threads: int = 1
    middleware: str = "django"


ROWS = {
    "gunicorn sync, 4 processes": Row(server="gunicorn sync", view="sync"),
    **{
        f"gunicorn gthread, {threads} threads": Row(server="gunicorn gthread", view="sync", threads=threads)
        for threads in (4, 50, 100, 200)
    },
    **{
        name: Row(server=name) for name in ("uvicorn", "gunicorn + uvicorn", "granian", "hypercorn", "daphne")
    },
    "uvicorn, one sync-only middleware": Row(server="uvicorn", middleware="sync-only"),
    "uvicorn, sync view": Row(server="uvicorn", view="sync"),
    "uvicorn, no middleware": Row(server="uvicorn", middleware="none"),
    "gthread, 100 threads, no middleware": Row(
        server="gunicorn gthread", view="sync", threads=100, middleware="none"
    ),
}


def measure(row: Row, connections: int, seconds: float) -> dict[str, Any]:
    """Measure both views on a server of their own."""
    figures = {}
    with serving(row.server, {"BENCHMARK_MIDDLEWARE": row.middleware}, threads=row.threads) as server:
        for view in VIEWS:
            with load(f"{server.address}/{row.view}/{view}/", connections, seconds) as asking:
                peak = server.peak(while_running=asking)
                figures[view] = json.load(asking.stdout)
            figures[view] |= {"threads": peak.threads, "memory": peak.memory}
    return figures


def text(figures: dict[str, Any]) -> str:
    """Return the table as plain text."""
    width = max(map(len, figures))
    head = f"{'requests/s':>11} {'p50 ms':>8} {'p99 ms':>8} {'failed':>7} {'threads':>8} {'MiB':>6}"
    lines = []
    for view in VIEWS:
        lines += [f"\n{view:<{width}} {head}"]
        for name, measured in figures.items():
            one = measured[view]
            lines.append(
                f"{name:<{width}} {one['rate']:>11,.0f} {one['p50']:>8,.0f} {one['p99']:>8,.0f} "
                f"{one['failed']:>7} {one['threads']:>8} {one['memory']:>6,.0f}"
            )
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Measure what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving")
    parser.add_argument("rows", nargs="*", help="default: all", metavar="ROW")
    parser.add_argument("--connections", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=4.0, help="for each view (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    options = parser.parse_args(arguments)
    figures = {}
    for name in options.rows or ROWS:
        sys.stderr.write(f"{name} …\n")
        figures[name] = measure(ROWS[name], options.connections, options.seconds)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    print(text(figures))


if __name__ == "__main__":
    main()

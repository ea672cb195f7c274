"""How late the event loop of a web server is while its async views enqueue, for each engine.

    python -m benchmarks.loop_lag [celery-redis …] [--connections 50] [--seconds 4] [--database postgresql]

Nobody runs the jobs. Beside `aenqueue` stand a view that does nothing, one that inserts a row by Django's own
`acreate`, and one that calls `enqueue` on the event loop, which Django forbids with reason.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from benchmarks.databases import migrated_copies
from benchmarks.engines.combinations import COMBINATIONS
from benchmarks.load import load
from benchmarks.web_servers import serving
from tests.support import servers

EMBEDDED = "taskyard_adapters.embedded.EmbeddedBackend"
ENGINES = ("embedded", *(name for name in COMBINATIONS if "prefork" not in name))
"""Where the jobs run does not matter here."""

VIEWS = ("nothing", "acreate", "aenqueue", "enqueue")

SITE = {
    "DJANGO_SETTINGS_MODULE": "benchmarks.site.settings",
    "BENCHMARK_MIDDLEWARE": "none",
    # For the view that enqueues on the loop.
    "DJANGO_ALLOW_ASYNC_UNSAFE": "1",
}


def tasks(name: str, brokers: Mapping[str, str]) -> str:
    """Return TASKS for an engine, as JSON."""
    if name == "embedded":
        return json.dumps({"default": {"BACKEND": EMBEDDED}})
    combination = COMBINATIONS[name]
    broker = {} if combination.broker == "database" else {"BROKER_URL": brokers[combination.broker]}
    return json.dumps({"default": {"BACKEND": combination.backend, "OPTIONS": broker | combination.options}})


@contextmanager
def running_brokers(names: Sequence[str]) -> Iterator[dict[str, str]]:
    """Run the brokers that these engines need; yields their addresses."""
    needed = {COMBINATIONS[name].broker for name in names if name != "embedded"} - {"database"}
    with ExitStack() as stack:
        yield {broker: stack.enter_context(getattr(servers, broker)()).address for broker in sorted(needed)}


def measure(environment: Mapping[str, str], connections: int, seconds: float) -> dict[str, Any]:
    """Measure all views on one server, whose event loop is Python's: its timers are the finer ones."""
    figures = {}
    with serving("uvicorn", environment, loop="asyncio") as server:
        for view in VIEWS:
            _lag(server.address)
            with load(f"{server.address}/async/{view}/", connections, seconds) as asking:
                figures[view] = json.load(asking.stdout)
            figures[view]["lag"] = _lag(server.address)
    return figures


def _lag(address: str) -> dict[str, float]:
    with urlopen(f"{address}/lag/", timeout=60) as response:
        return json.load(response)


def text(figures: dict[str, Any]) -> str:
    """Return the table as plain text."""
    width = max(map(len, figures))
    columns = f"{'requests/s':>11} {'p99 ms':>8} {'failed':>7} {'loop late p50':>17} {'p99':>6} {'max':>6}"
    lines = [f"{'':<{width}} {'view':<9} {columns}"]
    for name, measured in figures.items():
        for view in VIEWS:
            one, lag = measured[view], measured[view]["lag"]
            lines.append(
                f"{name:<{width}} {view:<9} {one['rate']:>11,.0f} {one['p99']:>8,.0f} {one['failed']:>7} "
                f"{lag['p50']:>17,.1f} {lag['p99']:>6,.1f} {lag['max']:>6,.1f}"
            )
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Measure what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.loop_lag")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(ENGINES)}; default: all")
    parser.add_argument("--connections", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=4.0, help="for each view (default: %(default)s)")
    parser.add_argument("--database", choices=["postgresql", "sqlite"], default="postgresql")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    options = parser.parse_args(arguments)
    names = options.names or ENGINES
    figures = {}
    settings = {**SITE, "BENCHMARK_TASKS": tasks("embedded", {})}
    with running_brokers(names) as brokers, migrated_copies(options.database, settings) as new_database:
        for name in names:
            sys.stderr.write(f"{name} …\n")
            environment = {
                **SITE,
                "BENCHMARK_TASKS": tasks(name, brokers),
                "TASKYARD_TEST_DATABASE": new_database(),
            }
            figures[name] = measure(environment, options.connections, options.seconds)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    print(text(figures))


if __name__ == "__main__":
    main()

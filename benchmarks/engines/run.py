"""Measuring combinations, each side in a process of its own because settings and apps are read once."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.databases import ROOT, migrated_copies
from benchmarks.engines.combinations import BROKER_URL, COMBINATIONS, NAME
from benchmarks.engines.effects import FOLDER
from tests.support import servers

PACKAGE = __package__
SETTINGS = {"DJANGO_SETTINGS_MODULE": f"{PACKAGE}.settings"}


@dataclass(frozen=True, slots=True)
class Servers:
    """What all combinations share; each gets a database of its own."""

    brokers: dict[str, str]
    new_database: Callable[[], str]
    folder: Path

    def environment(self, name: str) -> dict[str, str]:
        """Return what the processes of one measurement need, an empty folder and database included."""
        return {
            **os.environ,
            NAME: name,
            BROKER_URL: self.brokers[COMBINATIONS[name].broker],
            FOLDER: tempfile.mkdtemp(prefix=f"{name}-", dir=self.folder),
            "TASKYARD_TEST_DATABASE": self.new_database(),
        }


@contextmanager
def running_servers(names: Sequence[str], database: str, folder: Path) -> Iterator[Servers]:
    """Run the servers that these combinations need."""
    with ExitStack() as stack:
        brokers = {"database": ""}
        for broker in {COMBINATIONS[name].broker for name in names} - {"database"}:
            brokers[broker] = stack.enter_context(getattr(servers, broker)()).address
        settings = {**SETTINGS, NAME: "django-q2-orm", BROKER_URL: ""}
        new_database = stack.enter_context(migrated_copies(database, settings))
        yield Servers(brokers, new_database, folder)


def measure(running: Servers, name: str, jobs: int) -> dict[str, dict[str, float]]:
    """Measure both sides of a combination, one after the other."""
    combination = COMBINATIONS[name]
    bare = SETTINGS if combination.needs_django else {}
    return {
        "ours": _measure_side(running.environment(name) | SETTINGS, f"{PACKAGE}.ours", jobs),
        "bare": _measure_side(running.environment(name) | bare, f"{PACKAGE}.bare.{combination.bare}", jobs),
    }


def _measure_side(environment: dict[str, str], module: str, jobs: int) -> dict[str, float]:
    ended = subprocess.run(
        [sys.executable, "-m", f"{PACKAGE}.measuring", module, str(jobs)],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(ended.stdout)


def measure_together(running: Servers, names: Sequence[str], module: str) -> dict[str, float]:
    """Measure all combinations at once: for most of the time nothing happens but waiting."""
    measurements = {
        name: subprocess.Popen(
            [sys.executable, "-m", f"{PACKAGE}.{module}"],
            env=running.environment(name) | SETTINGS,
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        for name in names
    }
    printed = {name: measurement.communicate()[0] for name, measurement in measurements.items()}
    return {name: json.loads(seconds) for name, seconds in printed.items()}


def measure_all(names: Sequence[str], database: str, jobs: int) -> dict[str, dict[str, Any]]:
    """Measure these combinations; tells on stderr where it is."""
    figures: dict[str, dict[str, Any]] = {}
    with (
        tempfile.TemporaryDirectory(prefix="taskyard-benchmark-") as folder,
        running_servers(names, database, Path(folder)) as running,
    ):
        for name in names:
            sys.stderr.write(f"{name} …\n")
            figures[name] = measure(running, name, jobs)
            figures[name] |= {"cancel": measure_together(running, [name], "cancel")[name]}
        sys.stderr.write("killing workers …\n")
        for name, seconds in measure_together(running, names, "rescue").items():
            figures[name]["rescue"] = seconds
    return figures

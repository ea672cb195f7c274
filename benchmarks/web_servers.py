"""Web servers with the benchmark's site, and what they take of the machine."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from benchmarks.databases import ROOT
from taskyard.waiting import wait_until
from tests.support.servers import free_port, stop

WSGI, ASGI = "benchmarks.site.wsgi:application", "benchmarks.site.asgi:application"
GUNICORN = ("gunicorn", "--bind", "127.0.0.1:{port}", "--log-level", "warning")

COMMANDS = {
    "gunicorn sync": (*GUNICORN, "--workers", "4", WSGI),
    "gunicorn gthread": (*GUNICORN, "--worker-class", "gthread", "--threads", "{threads}", WSGI),
    "uvicorn": ("uvicorn", "--port", "{port}", "--log-level", "critical", "--loop", "{loop}", ASGI),
    "gunicorn + uvicorn": (*GUNICORN, "--worker-class", "uvicorn_worker.UvicornWorker", ASGI),
    "granian": (
        *("granian", "--interface", "asginl", "--port", "{port}", "--no-ws", "--log-level", "warning", ASGI),
    ),
    "hypercorn": ("hypercorn", "--bind", "127.0.0.1:{port}", "--log-level", "warning", ASGI),
    "daphne": ("daphne", "--port", "{port}", "--verbosity", "0", ASGI),
}


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a group of processes takes."""

    threads: int
    memory: float
    """MiB; what several processes share counts once."""


@dataclass(frozen=True, slots=True)
class WebServer:
    """A web server that runs."""

    address: str
    group: int

    def footprint(self) -> Footprint:
        """Return what all its processes take now."""
        members = list(_members(self.group))
        return Footprint(
            threads=sum(len(list((each / "task").iterdir())) for each in members),
            memory=sum(map(_proportional_memory, members)) / 1024,
        )

    def peak(self, while_running: subprocess.Popen) -> Footprint:
        """Return the most that it takes while some process runs."""
        seen = [self.footprint()]
        while while_running.poll() is None:
            time.sleep(0.5)
            with suppress(FileNotFoundError, ProcessLookupError):
                seen.append(self.footprint())
        return Footprint(max(each.threads for each in seen), max(each.memory for each in seen))


@contextmanager
def serving(
    name: str, environment: Mapping[str, str], *, threads: int = 1, loop: str = "auto"
) -> Iterator[WebServer]:
    """Run a web server for as long as the block does."""
    port = free_port()
    command, *arguments = (part.format(port=port, threads=threads, loop=loop) for part in COMMANDS[name])
    process = subprocess.Popen(
        [Path(sys.executable).with_name(command), *arguments],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "benchmarks.site.settings", **environment},
        cwd=ROOT,
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: _answers(process, address), f"{name} answers")
        yield WebServer(address, process.pid)
    finally:
        stop(process)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _answers(process: subprocess.Popen, address: str) -> bool:
    assert process.poll() is None, "the server ended while starting"
    try:
        with urlopen(f"{address}/sync/nothing/", timeout=5) as response:
            return response.status == 200
    except OSError:
        return False


def _members(group: int) -> Iterator[Path]:
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            if int((process / "stat").read_text().rpartition(")")[2].split()[2]) == group:
                yield process


def _proportional_memory(process: Path) -> int:
    lines = (process / "smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))

"""Real uvicorn processes on loopback ports."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from django.conf import settings

from tests.support.servers import free_port, stop, wait_until


@dataclass
class Server:
    """A running server."""

    port: int
    log: Path
    process: subprocess.Popen

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def answers(self) -> bool:
        """Tell whether it does."""
        assert self.process.poll() is None, self.log.read_text()
        try:
            httpx.get(self.address, timeout=10)
        except httpx.TransportError:
            return False
        return True


@contextmanager
def served(application: str, folder: Path, **environment: str) -> Iterator[Server]:
    """Serve an ASGI application for as long as the block lasts."""
    port = free_port()
    log = folder / f"uvicorn-{port}.log"
    options = ["--port", str(port), "--log-level", "warning", "--timeout-graceful-shutdown", "2"]
    imports = {"PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "--app-dir", str(settings.PROJECT), application, *options],
            env={**os.environ, **imports, "DJANGO_SETTINGS_MODULE": "config.settings", **environment},
            stdout=output,
            stderr=output,
        )
    server = Server(port, log, process)
    try:
        wait_until(server.answers, f"the server answers; see {log}", 60)
        yield server
    finally:
        stop(process)

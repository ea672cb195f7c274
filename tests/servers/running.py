"""ASGI servers and nginx as real processes, started as docs/how-to/serve.md says."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.processes import PARTS, ROOT
from tests.support.servers import ServerMissing, free_port, require, stop, wait_until

PROGRAMS = Path(sys.executable).parent

APPLICATION = "config.asgi:application"

COMMANDS = {
    "uvicorn": ["uvicorn", "--port={port}", "--timeout-graceful-shutdown=5", APPLICATION],
    "daphne": ["daphne", "--bind=127.0.0.1", "--port={port}", "--application-close-timeout=5", APPLICATION],
    "granian": [
        *("granian", "--interface=asginl", "--port={port}", "--workers=1"),
        *("--workers-kill-timeout=5", APPLICATION),
    ],
    "hypercorn": ["hypercorn", "--bind=127.0.0.1:{port}", "--workers=0", "--graceful-timeout=5", APPLICATION],
    "gunicorn": [
        *("gunicorn", "--bind=127.0.0.1:{port}", "--workers=1", "--graceful-timeout=5"),
        *("--worker-class=uvicorn_worker.UvicornWorker", APPLICATION),
    ],
}
"""How the site is run under each; what is left out is as it comes."""

NGINX = ROOT / "compose" / "nginx"


@dataclass
class Process:
    """A server that listens on a port of this machine."""

    name: str
    port: int
    log: Path
    process: subprocess.Popen

    @property
    def says(self) -> str:
        """What it has written."""
        return self.log.read_text(errors="replace")

    def wait_until_it_listens(self) -> None:
        """Wait until it takes connections."""
        wait_until(self._listens, f"something listens on port {self.port}; see {self.log}", 60)

    def _listens(self) -> bool:
        assert self.process.poll() is None, self.says
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def terminate(self) -> None:
        """Ask it to end, as a service manager would."""
        self.process.terminate()

    def ended(self, seconds: float) -> int:
        """Wait for its end; returns its exit code."""
        return self.process.wait(seconds)


def shop_environment(folder: Path) -> dict[str, str]:
    """Return what the shop's processes need, all its files being in a folder."""
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, [*PARTS, ROOT / "project"])),
        "DJANGO_SETTINGS_MODULE": "tests.servers.settings",
        "SHOP_VAR": str(folder),
        "SHOP_DEBUG": "0",
        "SHOP_SECRET_KEY": "only-for-tests",
        "SHOP_HOSTS": "localhost",
        "PYTHONUNBUFFERED": "1",
    }


@contextmanager
def running(name: str, folder: Path) -> Iterator[Process]:
    """Run the shop under a server."""
    port = free_port()
    log = folder / f"{name}.log"
    command = [part.format(port=port) for part in COMMANDS[name]]
    if not (PROGRAMS / command[0]).exists():
        raise ServerMissing(f"{name} is missing; install it with: pip install --group servers")
    with log.open("ab") as file:
        process = subprocess.Popen(
            [PROGRAMS / command[0], *command[1:]],
            env=shop_environment(folder),
            cwd=folder,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    server = Process(name, port, log, process)
    try:
        server.wait_until_it_listens()
        yield server
    finally:
        stop(process)
        _kill_group(process)


def _kill_group(process: subprocess.Popen) -> None:
    """Leave no worker behind whose master is gone."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def nginx(site_port: int, static: Path) -> Iterator[Process]:
    """Run nginx with the configuration that we ship, before a site on this machine."""
    program = require("nginx", "nginx-light")
    folder = Path(tempfile.mkdtemp(prefix="taskyard-nginx-"))
    port = free_port()
    shutil.copytree(NGINX / "snippets", folder / "snippets")
    configuration = folder / "nginx.conf"
    configuration.write_text(rendered((NGINX / "nginx.conf").read_text(), folder, port, site_port, static))
    log = folder / "nginx.log"
    arguments = [program, "-p", str(folder), "-c", str(configuration)]
    with log.open("ab") as file:
        subprocess.run([*arguments, "-t"], check=True, stdout=file, stderr=file)
        process = subprocess.Popen([*arguments, "-g", "daemon off;"], stdout=file, stderr=file)
    server = Process("nginx", port, log, process)
    try:
        server.wait_until_it_listens()
        yield server
    finally:
        stop(process)
        shutil.rmtree(folder, ignore_errors=True)


def rendered(text: str, folder: Path, port: int, site_port: int, static: Path) -> str:
    """Return the configuration as a site would edit it: with its own places, and nothing else changed."""
    more_folders = "".join(f" {kind}_temp_path {folder}/{kind};" for kind in ("fastcgi", "uwsgi", "scgi"))
    changes = {
        "worker_processes auto;": "worker_processes 1;",
        "/run/nginx.pid": f"{folder}/pid",
        "/dev/stdout": f"{folder}/access.log",
        "/var/cache/nginx/body;": f"{folder}/body;{more_folders}",
        "/var/cache/nginx/proxy;": f"{folder}/proxy;",
        "server app:8000;": f"server 127.0.0.1:{site_port};",
        "listen 80;": f"listen 127.0.0.1:{port};",
        "/srv/static/": f"{static}/",
    }
    for old, new in changes.items():
        assert text.count(old) == 1, f"The configuration no longer has {old!r} once."
        text = text.replace(old, new)
    # The tests' folders are for this user alone; where that is root, nginx would become somebody else.
    return f"user root;\n{text}" if os.geteuid() == 0 else text

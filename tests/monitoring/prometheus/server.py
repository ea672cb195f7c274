"""A Prometheus of the tests' own, and what it knows."""

import json
import subprocess
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import urlopen

from tests.support.servers import free_port, require, stop, wait_until


class Prometheus:
    """A running Prometheus."""

    def __init__(self, port):
        self.address = f"http://127.0.0.1:{port}"

    def ask(self, path, **parameters):
        """Return what the API answers; a refused question fails the test with its reason."""
        try:
            with urlopen(f"{self.address}/api/v1/{path}?{urlencode(parameters)}", timeout=20) as response:
                return json.load(response)["data"]
        except HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from None

    def query(self, expression):
        """Return the series that an expression finds."""
        return self.ask("query", query=expression)["result"]

    def is_ready(self):
        try:
            with urlopen(f"{self.address}/-/ready", timeout=2) as response:
                return response.status == 200
        except (URLError, OSError):
            return False


@contextmanager
def prometheus(folder: Path, config: Path):
    """Run a Prometheus with a configuration; what it keeps goes into the folder."""
    port = free_port()
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                require("prometheus", "prometheus"),
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=log,
        )
    running = Prometheus(port)

    def ready():
        assert process.poll() is None, (folder / "prometheus.log").read_text()
        return running.is_ready()

    try:
        wait_until(ready, "Prometheus is ready", 60)
        yield running
    finally:
        stop(process)

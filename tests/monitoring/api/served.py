"""The API on a real server, in a process of its own."""

import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager

from tests.support.processes import ROOT, environment
from tests.support.servers import free_port, stop, wait_until

UVICORN = [
    *(sys.executable, "-m", "uvicorn", "--port", "{port}", "--log-level", "warning", "--lifespan", "off"),
    *("--timeout-graceful-shutdown", "2", "tests.monitoring.console.site:application"),
]
WSGI = [sys.executable, "-m", "django", "runserver", "--noreload", "--insecure", "127.0.0.1:{port}"]


@contextmanager
def served(folder, command=UVICORN, **more):
    """Serve the test's database, or what more variables say; yields the address and the log's path."""
    port = free_port()
    log = folder / f"site-{port}.log"
    variables = {
        **environment(folder),
        "DJANGO_SETTINGS_MODULE": "tests.monitoring.api.settings",
        "TASKYARD_TEST_LOG": "ERROR",
        **more,
    }
    with log.open("wb") as file:
        process = subprocess.Popen(
            [part.format(port=port) for part in command],
            env=variables,
            cwd=ROOT,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    address = f"http://127.0.0.1:{port}"

    def answers():
        assert process.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(f"{address}/api/jobs/", timeout=5)
        except urllib.error.HTTPError as error:
            return error.code == 401
        except OSError:
            return False

    try:
        wait_until(answers, f"the site answers; see {log}", 60)
        yield address, log
    finally:
        stop(process)

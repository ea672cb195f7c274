"""compose/healthy.py, as health checks run it."""

import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.support.servers import free_port

from .reading import COMPOSE


def ask(url: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, COMPOSE / "healthy.py", url]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@contextmanager
def answering(status: int, body: bytes):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/healthz"
        finally:
            server.shutdown()
            thread.join()


def test_a_good_answer():
    with answering(200, b"fine") as url:
        assert ask(url).returncode == 0


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_a_bad_answer_is_told(status):
    with answering(status, b"It claims nothing.") as url:
        done = ask(url)

    assert done.returncode == 1
    assert f"HTTP Error {status}" in done.stderr
    assert "It claims nothing." in done.stderr


def test_nobody_there():
    done = ask(f"http://127.0.0.1:{free_port()}/")

    assert done.returncode == 1
    assert "refused" in done.stderr
    assert "Traceback" not in done.stderr


def test_somebody_who_never_answers():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        done = ask(f"http://127.0.0.1:{silent.getsockname()[1]}/")

    assert done.returncode == 1
    assert "timed out" in done.stderr

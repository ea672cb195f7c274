"""What nginx does by the configuration that we ship, whatever server is behind it."""

import hashlib
import socket
import subprocess
import threading
import time
from contextlib import suppress
from http.client import HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from tests.support.servers import free_port

from .clients import PATIENCE
from .running import nginx

MEGABYTE = 1024 * 1024
LARGE = 200 * MEGABYTE


class Site(BaseHTTPRequestHandler):
    """A site that tells what reaches it."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        """Tell the headers; at /live/ an event now, and another one when the test says so."""
        if self.path.startswith("/live/"):
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            self.wfile.write(b"data: 1\n\n")
            self.server.go_on.wait(PATIENCE)
            self.wfile.write(b"data: 2\n\n")
            self.close_connection = True
            return
        names = ("Host", "X-Forwarded-For", "X-Forwarded-Proto", "X-Request-ID", "Connection")
        self._answer({f"Seen-{name}": self.headers.get(name, "") for name in names})

    def do_POST(self):
        """Tell what a body was."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.append(len(body))
        self._answer({"Seen-Digest": hashlib.sha256(body).hexdigest()})

    def _answer(self, headers):
        self.send_response(200)
        for name, value in {**headers, "X-Frame-Options": "SAMEORIGIN", "X-Request-ID": "ours"}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture(scope="module")
def site():
    """That site."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.daemon_threads = True
    server.go_on, server.bodies = threading.Event(), []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def proxy(site, tmp_path_factory):
    """The nginx before it."""
    static = tmp_path_factory.mktemp("static")
    (static / "style.css").write_text("p { color: red }")
    with nginx(site.server_port, static) as running:
        yield running


@pytest.fixture
def http(proxy):
    """A browser."""
    with httpx.Client(base_url=f"http://localhost:{proxy.port}", timeout=PATIENCE) as client:
        yield client


def memory_of(process):
    """Return how many bytes nginx has in memory, its worker included."""
    found = subprocess.run(
        ["ps", "-o", "rss=", "--pid", str(process.pid), "--ppid", str(process.pid)],
        capture_output=True,
        check=True,
        text=True,
    )
    return 1024 * sum(map(int, found.stdout.split()))


def test_the_site_learns_who_asked_for_what(http, proxy):
    seen = http.get("/", headers={"X-Forwarded-For": "1.2.3.4", "X-Request-ID": "<script>"}).headers

    assert seen["Seen-Host"] == f"localhost:{proxy.port}"
    assert seen["Seen-X-Forwarded-For"] == "127.0.0.1"
    assert seen["Seen-X-Forwarded-Proto"] == "http"
    assert seen["Seen-X-Request-ID"] == seen["X-Request-ID"] != "<script>"
    assert seen["Seen-Connection"] == ""


def test_what_the_site_says_of_security_stays_and_the_rest_is_added(http):
    headers = http.get("/").headers

    assert headers.get_list("X-Frame-Options") == ["SAMEORIGIN"]
    assert headers.get_list("X-Content-Type-Options") == ["nosniff"]
    assert headers.get_list("Referrer-Policy") == ["same-origin"]
    assert "nginx/" not in headers["Server"]


def test_static_files_come_from_nginx(http):
    answer = http.get("/static/style.css")

    assert answer.text == "p { color: red }"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "max-age=3600" in answer.headers["Cache-Control"]


def test_an_event_does_not_wait_for_the_next(http, site):
    with http.stream("GET", "/live/events/", headers={"Accept-Encoding": "gzip"}) as answer:
        chunks = answer.iter_raw()
        assert next(chunks) == b"data: 1\n\n"
        site.go_on.set()
        assert b"".join(chunks) == b"data: 2\n\n"


def test_an_upload_of_five_megabytes_passes(http):
    body = bytes(range(256)) * (5 * MEGABYTE // 256)

    answer = http.post("/", content=body)

    assert answer.headers["Seen-Digest"] == hashlib.sha256(body).hexdigest()


def test_two_hundred_megabytes_are_refused_before_they_are_sent(proxy, site):
    before = memory_of(proxy.process)
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=PATIENCE) as client:
        client.sendall(f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {LARGE}\r\n\r\n".encode())
        with HTTPResponse(client) as answer:
            answer.begin()
            text = answer.read()

    assert answer.status == 413
    assert b"6 MB" in text
    assert LARGE not in site.bodies
    assert memory_of(proxy.process) - before < 5 * MEGABYTE


def test_two_hundred_megabytes_of_unknown_length_are_refused_on_the_way(proxy, site):
    before, reached, sent = memory_of(proxy.process), len(site.bodies), 0
    piece = b"10000\r\n" + bytes(0x10000) + b"\r\n"
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=PATIENCE) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        client.setblocking(False)
        answer, deadline = b"", time.monotonic() + PATIENCE
        while not answer and sent < LARGE:
            assert time.monotonic() < deadline
            with suppress(BlockingIOError):
                sent += client.send(piece[sent % len(piece) :])
            with suppress(BlockingIOError):
                answer = client.recv(65536)

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert sent < 50 * MEGABYTE
    assert len(site.bodies) == reached
    assert memory_of(proxy.process) - before < 5 * MEGABYTE


def test_a_site_that_is_away_is_said_to_be(tmp_path):
    with nginx(free_port(), tmp_path) as proxy:
        answer = httpx.get(f"http://localhost:{proxy.port}/", timeout=PATIENCE)

    assert answer.status_code == 503
    assert "try again" in answer.text
    assert answer.headers["X-Request-ID"]

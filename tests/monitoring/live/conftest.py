"""A real server with pages that listen."""

import json
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from tests.support.processes import ROOT, environment
from tests.support.servers import free_port, stop, wait_until

PATIENCE = 90.0
"""Seconds in which a page must have heard what it waits for."""


class Page:
    """An open page: what `EventSource` is in a browser."""

    def __init__(self, port, path, cookie="", **headers):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        lines = [f"GET {path} HTTP/1.1", "Host: localhost", "Connection: close", f"Cookie: {cookie}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self._socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("latin1"))
        self._lines = self._socket.makefile("rb")
        self.last_id = ""
        """What a browser would send as Last-Event-ID."""

    def answered(self):
        """Return this page once it has an answer."""
        self.status = int(self._line().split()[1])
        self.headers = {}
        while line := self._line():
            name, _, value = line.partition(": ")
            self.headers[name.lower()] = value
        return self

    def events(self):
        """Yield name and data of each event as it comes; a comment as ("", text)."""
        name, deadline = "", time.monotonic() + PATIENCE
        for line in self._raw():
            assert time.monotonic() < deadline, "What is waited for does not come."
            if line.startswith(":"):
                yield "", line[1:].strip()
            elif line.startswith("id: "):
                self.last_id = line.removeprefix("id: ")
            elif line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                yield name, json.loads(line.removeprefix("data: "))

    def next(self, name, /, **data):
        """Return the data of the next event of this name that has this in it."""
        for found, said in self.events():
            if found == name and (not name or said.items() >= data.items()):
                return said
        raise AssertionError(f"The stream has ended without {name} {data}")

    def body(self):
        """Return an answer that is no stream."""
        parts = []
        while size := int(self._line(), 16):
            parts.append(self._lines.read(size))
            self._line()
        return b"".join(parts).decode().strip()

    def close(self):
        """Go away."""
        self._lines.close()
        self._socket.close()

    def _line(self):
        return self._lines.readline().decode().rstrip("\r\n")

    def _raw(self):
        for line in self._lines:
            yield line.decode().rstrip("\r\n")


class Site:
    """The server, and the pages that are open on it."""

    def __init__(self, folder, limits, variables, *arguments):
        self.port = free_port()
        self.log_path = folder / f"server-{self.port}.log"
        self._stack = ExitStack()
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-W", "error", "-m", "uvicorn"),
                    *("tests.monitoring.live.site:application", "--port", str(self.port), *arguments),
                ],
                env={
                    **environment(folder),
                    **variables,
                    "DJANGO_SETTINGS_MODULE": "tests.monitoring.live.settings",
                    "TEST_LIVE": json.dumps(limits),
                },
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )
        wait_until(self._answers, f"the site answers; see {self.log_path}", 60)

    @property
    def log(self):
        """What the server has said so far."""
        return self.log_path.read_text(errors="replace")

    def _answers(self):
        try:
            return self.cost()
        except OSError:
            assert self.process.poll() is None, self.log
            return None

    def cost(self):
        """Return what the site has to tell."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/cost/", timeout=30) as answer:
            return json.load(answer)

    def open(self, query="", cookie=""):
        """Open a page of the console."""
        return self.get(f"/console/live/?{query}", cookie)

    def listen(self, query, cookie="", **headers):
        """Open any other page that listens."""
        return self.get(f"/live/events/?{query}", cookie, **headers)

    def get(self, path, cookie="", **headers):
        """Ask for something, and wait for the beginning of the answer."""
        return self.ask(path, cookie, **headers).answered()

    def ask(self, path, cookie="", **headers):
        """Ask for something; what is left open is closed at the end of the test."""
        page = Page(self.port, path, cookie, **headers)
        self._stack.callback(page.close)
        return page

    def wait_for_ticks(self, number):
        """Wait until the watcher has looked so many times more."""
        wanted = self.cost()["ticks"] + number
        wait_until(lambda: self.cost()["ticks"] >= wanted, f"{number} more ticks", 60)

    def wait_for_listeners(self, number):
        """Wait until so many listen."""
        wait_until(lambda: self.cost()["listeners"] == number, f"{number} listen", 60)

    def clear(self):
        """Close all pages."""
        self._stack.close()

    def stop(self):
        """Close all pages and end."""
        self.clear()
        stop(self.process)


@pytest.fixture
def serve(transactional_db, tmp_path):
    """Start a site of one's own: `serve({"watcher.TICK": 60}, "--root-path", "/behind", CHANNELS="redis://…")`."""
    with ExitStack() as stack:

        def start(limits=None, *arguments, **variables):
            site = Site(tmp_path, limits or {}, variables, *arguments)
            stack.callback(site.stop)
            return site

        yield start


@pytest.fixture(scope="session")
def _shared_site(django_db_setup, tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("site"), {"view.HEARTBEAT_INTERVAL": 1.0}, {})
    yield site
    site.stop()


@pytest.fixture
def site(_shared_site, transactional_db):
    """The site that tests share which do it no harm."""
    yield _shared_site
    _shared_site.clear()
    _shared_site.wait_for_listeners(0)


def cookie_of(user):
    """Return what a browser sends for somebody who has signed in."""
    client = Client()
    client.force_login(user)
    return f"sessionid={client.cookies['sessionid'].value}"


def sign_up(name):
    """Return somebody new, and their cookie."""
    user = User.objects.create_user(name)
    return user, cookie_of(user)


@pytest.fixture
def viewer(transactional_db):
    """The cookie of somebody who may see the console."""
    user = User.objects.create_user("vera")
    user.user_permissions.add(Permission.objects.get(codename="view_console"))
    return cookie_of(user)


@pytest.fixture
def stranger(transactional_db):
    """The cookie of somebody who may not."""
    return cookie_of(User.objects.create_user("sam"))

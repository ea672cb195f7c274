"""A real server with pages that listen."""

import json
import os
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

PATIENCE = 30.0
"""Seconds in which a page must have heard what it waits for."""


class Page:
    """An open page: what `EventSource` is in a browser."""

    def __init__(self, port, query="", cookie=""):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        request = f"GET /console/live/?{query} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n"
        self._socket.sendall(request.encode())
        self._lines = self._socket.makefile("rb")
        self.status = int(self._line().split()[1])
        self.headers = {}
        while line := self._line():
            name, _, value = line.partition(": ")
            self.headers[name.lower()] = value

    def events(self):
        """Yield name and data of each event as it comes; a comment as ("", text)."""
        name, deadline = "", time.monotonic() + PATIENCE
        for line in self._raw():
            assert time.monotonic() < deadline, "What is waited for does not come."
            if line.startswith(":"):
                yield "", line[1:].strip()
            elif line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                yield name, json.loads(line.removeprefix("data: "))

    def next(self, name, /, **data):
        """Return the data of the next event of this name that has this in it."""
        for found, said in self.events():
            if found == name and said.items() >= data.items():
                return said
        raise AssertionError(f"The stream has ended without {name} {data}")

    def body(self):
        """Return the line of an answer that is no stream."""
        self._line()  # how long the chunk is
        return self._line()

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

    def __init__(self, folder, extra, root_path=""):
        self.port = free_port()
        self.log = folder / "server.log"
        self._stack = ExitStack()
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "uvicorn", "tests.monitoring.live.site:application"),
                    *("--port", str(self.port), "--timeout-graceful-shutdown", "2"),
                    *("--root-path", root_path),
                ],
                env={
                    **environment(folder),
                    **os.environ,
                    **extra,
                    "DJANGO_SETTINGS_MODULE": "tests.monitoring.live.settings",
                    "TASKYARD_TEST_DATABASE": environment(folder)["TASKYARD_TEST_DATABASE"],
                    "PYTHONPATH": environment(folder)["PYTHONPATH"],
                },
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )
        wait_until(self._answers, f"the site answers; see {self.log}", 60)

    def _answers(self):
        try:
            return self.cost()
        except OSError:
            assert self._process.poll() is None, self.log.read_text()
            return None

    def cost(self):
        """Return what the site has to tell."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/cost/", timeout=30) as answer:
            return json.load(answer)

    def open(self, query="", cookie=""):
        """Open a page."""
        page = Page(self.port, query, cookie)
        self._stack.callback(page.close)
        return page

    def wait_for_ticks(self, number):
        """Wait until the watcher has looked so many times more."""
        wanted = self.cost()["ticks"] + number
        wait_until(lambda: self.cost()["ticks"] >= wanted, f"{number} more ticks", 60)

    def stop(self):
        """Close all pages and end."""
        self._stack.close()
        stop(self._process)


@pytest.fixture
def serve(transactional_db, tmp_path):
    """Start the site: `serve(TEST_LONGEST="1")`."""
    with ExitStack() as stack:

        def start(root_path="", **extra):
            site = Site(tmp_path, extra, root_path)
            stack.callback(site.stop)
            return site

        yield start


@pytest.fixture
def site(serve):
    """The site as it usually is."""
    return serve()


def cookie_of(user):
    """Return what a browser sends for somebody who has signed in."""
    client = Client()
    client.force_login(user)
    return f"sessionid={client.cookies['sessionid'].value}"


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

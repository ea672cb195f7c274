"""What a browser does, as far as servers differ in it."""

import json
import time
from contextlib import contextmanager

import httpx
from websockets.sync.client import connect

PATIENCE = 30.0
"""Seconds in which something must have come."""


class Browser:
    """Somebody signed in at the site, or not."""

    def __init__(self, port, session=""):
        self.port = port
        self._session = session
        cookies = {"sessionid": session} if session else {}
        self.http = httpx.Client(base_url=f"http://localhost:{port}", cookies=cookies, timeout=PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.http.close()

    def inside(self):
        """Return what the server tells of itself."""
        return self.http.get("/inside/").json()

    def enqueue(self):
        """Enqueue a job; returns its id."""
        answer = self.http.post("/inside/enqueue/")
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def cancel(self, job_id):
        """Cancel a job."""
        assert self.http.post(f"/inside/cancel/{job_id}/").status_code == 200

    @contextmanager
    def stream(self, query):
        """Listen to a stream of events."""
        with self.http.stream("GET", f"/live/events/?{query}") as answer:
            yield Stream(answer)

    def socket(self, origin=None, **options):
        """Open a socket."""
        headers = {"Cookie": f"sessionid={self._session}"} if self._session else {}
        return connect(
            f"ws://localhost:{self.port}/live/socket/",
            origin=origin or f"http://localhost:{self.port}",
            additional_headers=headers,
            open_timeout=PATIENCE,
            **options,
        )


class Stream:
    """An open stream of events."""

    def __init__(self, answer):
        self.answer = answer
        self._lines = answer.iter_lines()

    def events(self):
        """Yield each event's name and data."""
        name, deadline = "", time.monotonic() + PATIENCE
        for line in self._lines:
            assert time.monotonic() < deadline, "What is waited for does not come."
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                yield name, json.loads(line.removeprefix("data: "))

    def next(self, name, /, **data):
        """Return the data of the next event of this name that has this in it."""
        for found, said in self.events():
            if found == name and said.items() >= data.items():
                return said
        raise AssertionError(f"The stream has ended without {name} {data}")


def heard(socket, kind, /, **data):
    """Return the next message of a socket of this type that has this in it."""
    deadline = time.monotonic() + PATIENCE
    while True:
        message = json.loads(socket.recv(timeout=deadline - time.monotonic()))
        if message["type"] == kind and message.items() >= data.items():
            return message

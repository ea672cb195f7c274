"""Telling other processes that something has happened to jobs, and hearing it: by what the site has.

A channel layer of Channels where there is one that reaches other processes, else NOTIFY where the jobs are in
PostgreSQL; elsewhere watchers look every second. Nothing else is told than that it is time to look.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, Protocol

from django.conf import settings
from django.db import connections

from taskyard.database import jobs_alias, jobs_connection, run

logger = logging.getLogger(__name__)

NAME = "taskyard_live"
"""Of the channel in PostgreSQL, and of the group in the channel layer."""

LAYER = "default"

RENEWAL = 60.0
"""Seconds after which a channel joins its group anew: in a channel layer memberships run out."""

STOPPING = 0.5
"""Seconds within which ears notice that they are closed."""

RETRY = 5.0
"""Seconds after which we try to listen again."""

Opened = Callable[[], None]


class Means(Protocol):
    """A way to tell other processes. Each object belongs to one thread."""

    def send(self) -> None:
        """Tell all who listen to look."""

    def rest(self) -> None:
        """Give back what is costly to hold while nothing is to be told."""

    def listen(self, opened: Opened, wake: Callable[[], None], stopped: threading.Event) -> None:
        """Call `opened` once we hear, and `wake` whenever we do, until `stopped`."""


class Notifications:
    """PostgreSQL's NOTIFY and LISTEN."""

    def send(self) -> None:
        """Tell all who listen to look."""
        run(jobs_connection(), f"NOTIFY {NAME}", [])

    def rest(self) -> None:
        """Give the connection back."""
        connections.close_all()

    def listen(self, opened: Opened, wake: Callable[[], None], stopped: threading.Event) -> None:
        """Listen on a connection of this thread's own."""
        connection = connections[jobs_alias()]
        connection.ensure_connection()
        driver: Any = connection.connection
        try:
            with connection.cursor() as cursor:
                cursor.execute(f"LISTEN {NAME}")
            opened()
            with connection.wrap_database_errors:
                while not stopped.is_set():
                    for _ in driver.notifies(timeout=STOPPING, stop_after=1):
                        wake()
        finally:
            connections.close_all()


class ChannelLayer:
    """A group in a channel layer: our own instance, for one takes messages on one event loop only."""

    def __init__(self) -> None:
        from channels.layers import channel_layers  # noqa: PLC0415 - optional

        self._layer: Any = channel_layers.make_backend(LAYER)
        self._runner = asyncio.Runner()

    def send(self) -> None:
        """Tell all who listen to look."""
        self._runner.run(self._layer.group_send(NAME, {"type": "taskyard.changed"}))

    def rest(self) -> None:
        """Close the connections, which end with the event loop that they belong to."""
        self._runner.close()
        self._runner = asyncio.Runner()

    def listen(self, opened: Opened, wake: Callable[[], None], stopped: threading.Event) -> None:
        """Listen on an event loop of this thread's own."""
        with self._runner:
            self._runner.run(self._listen(opened, wake, stopped))

    async def _listen(self, opened: Opened, wake: Callable[[], None], stopped: threading.Event) -> None:
        channel = await self._layer.new_channel()
        receiving, renewed_at = None, float("-inf")
        try:
            while not stopped.is_set():
                if time.monotonic() >= renewed_at + RENEWAL:
                    await self._layer.group_add(NAME, channel)
                    renewed_at = time.monotonic()
                    opened()
                receiving = receiving or asyncio.ensure_future(self._layer.receive(channel))
                await asyncio.wait([receiving], timeout=STOPPING)
                if receiving.done():
                    receiving.result()
                    receiving = None
                    wake()
        finally:
            if receiving is not None:
                receiving.cancel()
                await asyncio.wait([receiving])
        await self._layer.group_discard(NAME, channel)


def means() -> Means | None:
    """Return how other processes can be told; None where they cannot."""
    if _reaches_others(getattr(settings, "CHANNEL_LAYERS", {}).get(LAYER, {}).get("BACKEND", "")):
        return ChannelLayer()
    if jobs_connection().vendor == "postgresql" and find_spec("psycopg"):
        return Notifications()
    return None


def _reaches_others(backend: str) -> bool:
    return bool(backend and find_spec("channels")) and not backend.endswith(".InMemoryChannelLayer")


class Ears:
    """Listens on a thread of its own until it is closed, also after the other side was gone for a while."""

    def __init__(self, means: Callable[[], Means | None], wake: Callable[[], None]) -> None:
        self.are_open = False
        """Whether we would hear something now."""

        self._means = means
        self._wake = wake
        self._closed = threading.Event()
        self._has_failed = False
        threading.Thread(target=self._listen_until_closed, name="taskyard-ears", daemon=True).start()

    def close(self) -> None:
        """Hear nothing more."""
        self._closed.set()

    def _listen_until_closed(self) -> None:
        while not self._closed.is_set():
            try:
                means = self._means()
                if means is None:
                    return
                means.listen(self._opened, self._wake, self._closed)
            except Exception as error:
                if not self._has_failed:  # said once, not every few seconds
                    logger.warning("Nobody tells us of news (%r); looking now and then meanwhile.", error)
                self._has_failed = True
            finally:
                self.are_open = False
            self._closed.wait(RETRY)

    def _opened(self) -> None:
        self.are_open = True
        self._has_failed = False
        self._wake()


def listen(wake: Callable[[], None]) -> Ears:
    """Have somebody woken whenever something happens to jobs, as far as that can be heard here."""
    return Ears(means, wake)

"""One open page, between the watcher's thread and the event loop that serves it."""

import asyncio
import threading
from collections.abc import Hashable
from uuid import UUID

from taskyard_monitoring.console.viewer import Viewer

from .events import HEARTBEAT, event

Topic = Hashable
"""What an event is about: a newer one about the same takes its place."""

TROUBLE = "trouble"
NO_TROUBLE = event(TROUBLE, words="")


class Listener:
    """What one page wants to hear of, and what it has not been sent yet.

    Of each topic only the latest waits here, so a page that reads slowly costs no memory and misses nothing
    but what is old.
    """

    def __init__(self, viewer: Viewer, regions: frozenset[str], jobs: frozenset[UUID]) -> None:
        self.viewer = viewer
        self.regions = regions
        self.jobs = jobs
        self._loop = asyncio.get_running_loop()
        self._has_news = asyncio.Event()
        self._lock = threading.Lock()
        self._unsent: dict[Topic, str] = {}
        self._told: dict[Topic, str] = {TROUBLE: NO_TROUBLE}

    # --- on the watcher's thread ---

    def tell(self, news: dict[Topic, str]) -> None:
        """Take what is said of the topics that this page wants, if it is new to it.

        Raises:
            RuntimeError: where its event loop has ended.
        """
        new = {topic: text for topic, text in news.items() if self._told.get(topic) != text}
        if new:
            self._told |= new
            with self._lock:
                self._unsent |= new
            self._loop.call_soon_threadsafe(self._has_news.set)

    # --- on the event loop ---

    async def next_events(self, patience: float) -> str:
        """Return what is new as soon as something is, or a heartbeat after so many seconds."""
        try:
            await asyncio.wait_for(self._has_news.wait(), patience)
        except TimeoutError:
            return HEARTBEAT
        self._has_news.clear()
        with self._lock:
            unsent, self._unsent = self._unsent, {}
        return "".join(unsent.values())

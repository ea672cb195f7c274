"""Somebody who listens: an open page, a socket, a request that waits."""

import asyncio
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Literal, Self

from taskyard_monitoring.console.viewer import Viewer
from taskyard_monitoring.scope import Scope

from .interest import Interest
from .news import News, Topic, missed
from .watcher import Full, Watcher, watcher

MOST_TOPICS = 1_000
"""Topics that wait for somebody who reads slowly; where there are more, they are told to read anew."""

Reason = Literal["shutdown", "slow"]


class Ended(Exception):
    """Nothing more will come: this process shuts down, or the listener has taken nothing for too long."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(f"No more news: {reason}.")
        self.reason = reason


class Listener:
    """What somebody wants to hear of, and what they have not been told yet.

        async with Listener(scope, Interest(jobs=frozenset({job_id}))) as listener:
            while True:
                for news in await listener.next_news(15):
                    ...

    Of each topic only the latest waits here, so who reads slowly costs no memory and misses nothing but what
    is old. Who takes nothing at all for `watcher.PATIENCE` seconds is dropped: their task is cancelled.

    Args:
        scope: the jobs they may see. Others are to them as if they were not there.
        interest: what they want to hear of.
        viewer: what they may see in the console, for its regions and its fuller words.
        last_event_id: the `News.id` with which they stopped listening some time ago.
    """

    def __init__(
        self,
        scope: Scope,
        interest: Interest,
        viewer: Viewer | None = None,
        last_event_id: str | None = None,
        *,
        watched_by: Watcher = watcher,
    ) -> None:
        self.scope = scope
        self.viewer = viewer
        self.last_event_id = last_event_id
        self.position = ""
        """Where in the course of events they are: what they have been told covers all before."""

        self._first_interest = interest
        self._watcher = watched_by
        self._unsent: dict[Topic, News] = {}
        self._has_news = asyncio.Event()
        self._ended: Reason | None = None
        self._busy_since: float | None = None

    @property
    def sees_inside(self) -> bool:
        """Whether they may hear what only those hear who may see the console."""
        return self.viewer is not None and self.viewer.may_view

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop on which they listen."""
        return self._loop

    # --- for who listens ---

    async def __aenter__(self) -> Self:
        """Begin to listen.

        Raises:
            Full: where this process has as many listeners as it takes.
            Ended: where it is shutting down.
        """
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        if self._watcher.has_ended:
            raise Ended("shutdown")
        self._watcher.add(self, self._first_interest)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Listen no more."""
        self._watcher.remove(self)

    def want(self, interest: Interest) -> None:
        """Listen to this from now on, and to nothing else."""
        self._watcher.change(self, interest)

    async def next_news(self, patience: float) -> list[News]:
        """Return what is new as soon as something is; nothing where nothing came within so many seconds.

        Raises:
            Ended: see there.
        """
        self._busy_since = None
        if not self._has_news.is_set():
            try:
                async with asyncio.timeout(patience):
                    await self._has_news.wait()
            except TimeoutError:
                return []
        if self._ended is not None:
            raise Ended(self._ended)
        self._has_news.clear()
        unsent, self._unsent = self._unsent, {}
        self._busy_since = time.monotonic()
        return list(unsent.values())

    # --- on the event loop, for the watcher ---

    def take(self, news: Iterable[News], position: str) -> None:
        """Keep news until somebody asks for them."""
        self.position = position
        for each in news:
            self._unsent.pop(each.topic, None)  # what is newer comes later
            self._unsent[each.topic] = each
        if len(self._unsent) > MOST_TOPICS:
            self._unsent = {"missed": missed(position)}
        if self._unsent:
            self._has_news.set()

    def end(self, reason: Reason) -> None:
        """Tell who listens that nothing more comes."""
        self._ended = reason
        self._has_news.set()
        if self._busy_since is not None and reason == "slow" and self._task is not None:
            self._task.cancel()  # it hangs where it passes on what it was told

    def is_stuck(self, patience: float) -> bool:
        """Tell whether what was told last has not been passed on for so many seconds."""
        since = self._busy_since
        return since is not None and time.monotonic() - since > patience


__all__ = ["Ended", "Full", "Interest", "Listener", "News"]

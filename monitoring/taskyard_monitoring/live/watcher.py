"""Looks at the database for all who listen in this process together, as long as there is one."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from django.db import connections
from django.urls import get_script_prefix, set_script_prefix

from .audience import Audience, regions_of
from .drawing import Regions
from .interest import Interest
from .news import News
from .reporter import Reporter
from .round import Round, Wish
from .wakeup import Ears, listen

if TYPE_CHECKING:
    from .listener import Listener

logger = logging.getLogger(__name__)

TICK = 1.0
"""Seconds between two looks where nothing tells us that something has happened."""

WOKEN_TICK = 2.0
"""Seconds between two looks at the most where something does."""

SHORTEST_PAUSE = 0.1
"""Seconds between two looks at the least, however much happens."""

SHARE = 1 / 3
"""The part of its time that the watcher is to spend on looking: where a look takes long, there are fewer."""

MOST_LISTENERS = 10_000
"""How many may listen in one process."""

PATIENCE = 30.0
"""Seconds after which a listener is dropped that does not pass on what it was told."""


class Full(Exception):
    """As many listen in this process as may."""


class Watcher:
    """The one that looks; runs only while somebody listens.

    Args:
        regions: returns what pages are made of, by name.
        listen: opens ears that call what they are given.
    """

    def __init__(self, regions: Callable[[], Regions], listen: Callable[[Callable[[], None]], Ears]) -> None:
        self._listen = listen
        self._audience = Audience()
        self._wishes: dict[Listener, Wish] = {}
        self._changed = threading.Condition()
        self._reporter = Reporter(self._audience, self._changed, regions)
        self._is_running = False
        self._is_woken = False
        self._told_position = ""
        self._prefix = "/"  # under which this site is served, as the latest request told
        self.has_ended = False
        """Whether this process takes no more listeners, because it shuts down."""

        self.ticks = 0
        """How often it has looked."""

    @property
    def is_running(self) -> bool:
        """Whether it looks now and then."""
        return self._is_running

    @property
    def is_full(self) -> bool:
        """Whether as many listen as may."""
        return len(self._audience) >= MOST_LISTENERS

    def __len__(self) -> int:
        """How many listen."""
        return len(self._audience)

    # --- for those who listen, on their event loops ---

    def add(self, listener: "Listener", interest: Interest) -> None:
        """Tell somebody how things are, at the next look, and then what happens.

        Raises:
            Full: where too many listen already.
        """
        with self._changed:
            if self.is_full:
                raise Full(f"{MOST_LISTENERS:,} listen already, as many as one process takes.")
            self._prefix = get_script_prefix()
            listener.position = self._told_position
            self._audience.place(listener, interest)
            self._wishes[listener] = Wish(
                interest.jobs, regions_of(listener, interest), listener.last_event_id
            )
            if not self._is_running:
                self._is_running = True
                threading.Thread(target=self._watch, name="taskyard-watcher", daemon=True).start()
            self._changed.notify()

    def change(self, listener: "Listener", interest: Interest) -> None:
        """Tell somebody of other things from now on, and at the next look how the new ones are."""
        with self._changed:
            if listener not in self._audience:
                return
            old = self._audience.interest_of(listener)
            self._audience.place(listener, interest)
            wish = self._wishes.setdefault(listener, Wish())
            wish.jobs = (wish.jobs & interest.jobs) | (interest.jobs - old.jobs)
            wish.regions |= regions_of(listener, interest) - regions_of(listener, old)
            self._changed.notify()

    def remove(self, listener: "Listener") -> None:
        """Tell somebody no more."""
        with self._changed:
            if listener in self._audience:
                self._audience.remove(listener)
                self._wishes.pop(listener, None)
                self._changed.notify()

    def wake(self) -> None:
        """Look soon: something has happened."""
        with self._changed:
            self._is_woken = True
            self._changed.notify()

    def end(self) -> None:
        """Tell all who listen that this process shuts down."""
        with self._changed:
            self.has_ended = True
            listeners = self._audience.listeners
        for listener in listeners:
            _call(listener.loop, partial(listener.end, "shutdown"))

    # --- on the watcher's thread ---

    def _watch(self) -> None:
        self._reporter.begin()
        ears = self._listen(self.wake)
        pause = 0.0
        try:
            while self._waited(ears, pause):
                set_script_prefix(self._prefix)
                self.ticks += 1
                begun = time.monotonic()
                went_well = self._tick()
                took = time.monotonic() - begun
                pause = max(SHORTEST_PAUSE, took * (1 / SHARE - 1)) if went_well else TICK
        finally:
            ears.close()
            connections.close_all()

    def _waited(self, ears: Ears, pause: float) -> bool:
        """Wait until it is time to look again; False, and the end of this thread, once nobody listens."""
        with self._changed:
            ready_at = time.monotonic() + pause
            due_at = self._reporter.looked_at + (WOKEN_TICK if ears.are_open else TICK)
            while self._audience:
                is_wanted = self._is_woken or self._wishes
                left = (ready_at if is_wanted else max(ready_at, due_at)) - time.monotonic()
                if left <= 0:
                    self._is_woken = False
                    return True
                self._changed.wait(left)
            self._is_running = False
            return False

    def _tick(self) -> bool:
        """Look once, and tell everybody; False where that could not be done."""
        with self._changed:
            wishes, self._wishes = self._wishes, {}
            this = Round(wishes, self._audience.jobs, self._audience.wide)
        went_well = self._reporter.report(this)
        self._send(this.news)
        if not went_well:
            self._put_back(wishes)
        return went_well

    def _put_back(self, wishes: "dict[Listener, Wish]") -> None:
        """Keep for the next look what could not be granted in this one."""
        with self._changed:
            for listener, wish in wishes.items():
                if listener not in self._audience:
                    continue
                newer = self._wishes.get(listener, Wish())
                wish.jobs |= newer.jobs
                wish.regions |= newer.regions
                self._wishes[listener] = wish

    def _send(self, news: "Mapping[Listener, list[News]]") -> None:
        """Hand over to each event loop, in one go, what those who listen there are to hear."""
        with self._changed:
            listeners = self._audience.listeners
        self._drop(each for each in listeners if each.is_stuck(PATIENCE))
        position = self._reporter.position
        if not news and position == self._told_position:
            return
        self._told_position = position
        for loop, those in _by_loop(listeners).items():
            if not _call(loop, partial(_hand_over, those, news, position)):
                for listener in those:  # their event loop has ended without a word
                    self.remove(listener)

    def _drop(self, stuck: "Iterable[Listener]") -> None:
        for listener in stuck:
            logger.info("Somebody who listens has taken nothing for %.0f s and is dropped.", PATIENCE)
            self.remove(listener)
            _call(listener.loop, partial(listener.end, "slow"))


def _hand_over(listeners: "list[Listener]", news: "Mapping[Listener, list[News]]", position: str) -> None:
    for listener in listeners:
        listener.take(news.get(listener, ()), position)


def _by_loop(listeners: "Iterable[Listener]") -> "dict[asyncio.AbstractEventLoop, list[Listener]]":
    found: dict[asyncio.AbstractEventLoop, list[Listener]] = {}
    for listener in listeners:
        found.setdefault(listener.loop, []).append(listener)
    return found


def _call(loop: asyncio.AbstractEventLoop, what: Callable[[], object]) -> bool:
    """Have something called on an event loop; False where that has ended."""
    try:
        loop.call_soon_threadsafe(what)
    except RuntimeError:
        return False
    return True


def _console_regions() -> Regions:
    from taskyard_monitoring.console.regions import REGIONS  # noqa: PLC0415 - pages may import us

    return REGIONS


watcher = Watcher(_console_regions, listen)
"""The one of this process."""

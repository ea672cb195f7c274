"""Looks at the database for all who listen in this process together, as long as there is one.

However many listen: each look is one statement about all the jobs that matter to somebody, what has changed
is worked out once, and each region of the console is rendered once for each level of permission.
"""

import asyncio
import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import DatabaseError, connections
from django.urls import get_script_prefix, set_script_prefix

from taskyard.exceptions import NotMigrated
from taskyard.ids import earliest_job_id

from .audience import Audience, Region, regions_of
from .chronicle import Chronicle
from .drawing import Drawings, Regions
from .interest import Interest
from .jobs import Change, unknown
from .looking import Question, look
from .news import News, missed, trouble
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

MOST_JOBS = 5_000
"""Jobs that one look asks for by their ids. Where more are watched, they have their turns."""

MEMORY = 60.0
"""Seconds for which it is known how jobs were while nobody listens."""

MOST_LISTENERS = 10_000
"""How many may listen in one process."""

PATIENCE = 30.0
"""Seconds after which a listener is dropped that does not pass on what it was told."""


class Full(Exception):
    """As many listen in this process as may."""


@dataclass(slots=True)
class _Wish:
    """What somebody wants to be told at the next look, whether it has changed or not."""

    jobs: frozenset[UUID] = frozenset()
    regions: frozenset[Region] = frozenset()
    last_event_id: str | None = None
    knows_trouble: bool = False
    asked_at: float = field(default_factory=time.time)


@dataclass(slots=True)
class _Post:
    """What a look has to tell, by whom."""

    news: "defaultdict[Listener, list[News]]" = field(default_factory=lambda: defaultdict(list))

    def to(self, listeners: "Iterable[Listener]", news: News) -> None:
        for listener in listeners:
            self.news[listener].append(news)

    def first_to(self, listeners: "Iterable[Listener]", news: News) -> None:
        for listener in listeners:
            self.news[listener].insert(0, news)


class Watcher:
    """The one that looks; runs only while somebody listens.

    Args:
        regions: returns what pages are made of, by name.
        listen: opens ears that call what they are given.
    """

    def __init__(self, regions: Callable[[], Regions], listen: Callable[[Callable[[], None]], Ears]) -> None:
        self._listen = listen
        self._audience = Audience()
        self._wishes: dict[Listener, _Wish] = {}
        self._changed = threading.Condition()
        self._is_running = False
        self._is_woken = False
        self._told_position = ""
        self._prefix = "/"  # under which this site is served, as the latest request told
        self.has_ended = False
        """Whether this process takes no more listeners, because it shuts down."""

        self.ticks = 0
        """How often it has looked."""

        # What follows belongs to the watcher's thread.
        self._chronicle = Chronicle()
        self._looked_at = float("-inf")
        self._wide_looked_at = float("-inf")
        self._drawings = Drawings(regions)
        self._newest: News | None = None
        self._trouble = trouble("")
        self._turn = 0

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
            self._wishes[listener] = _Wish(
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
            wish = self._wishes.setdefault(listener, _Wish())
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
        if time.monotonic() > self._looked_at + MEMORY:
            self._chronicle, self._newest = Chronicle(), None
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
            due_at = self._looked_at + (WOKEN_TICK if ears.are_open else TICK)
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
            named, wide = self._audience.jobs, self._audience.wide
        post = _Post()
        try:
            self._look(post, wishes, named, wide)
            self._draw(post, wishes)
            self._say(post, wishes, "")
        except (DatabaseError, NotMigrated) as error:
            connections.close_all()  # the next look takes a new one; else it is kept from tick to tick
            # Its own words may name hosts and users, which are not for all who may look.
            if self._say(post, wishes, f"The database does not answer ({type(error).__name__})."):
                logger.warning("Who listens cannot be told what happens: %s", error)
        except Exception as error:
            if self._say(post, wishes, f"Live updates have failed: {type(error).__name__}"):
                logger.exception("What who listens is to be told could not be found out.")
        else:
            return True
        finally:
            self._looked_at = time.monotonic()
            self._send(post)
        self._put_back(wishes)
        return False

    def _look(
        self, post: _Post, wishes: "dict[Listener, _Wish]", named: list[UUID], wide: "set[Listener]"
    ) -> None:
        now, is_wide = time.monotonic(), bool(wide)
        gap = now - self._wide_looked_at
        is_first = is_wide and gap > MEMORY
        asked = self._in_turn(named, {job for wish in wishes.values() for job in wish.jobs})
        if is_wide:
            asked.update(self._chronicle.running)
        sight = look(Question(asked, None if not is_wide else 0.0 if is_first else gap))
        if is_first:
            self._chronicle.begin_wide()
        changes = self._chronicle.take(sight, _asked_at(wishes.values()) if is_first else None)
        gone = self._chronicle.gone(sight, asked)
        self._chronicle.forget(sight.jobs.keys() | set(named))
        if is_wide:
            self._wide_looked_at = now
        with self._changed:
            for change in changes:
                self._tell(post, self._audience.of_change(change.job, change.queue), change)
            for job in gone:
                post.to(self._audience.of_job(job), unknown(job, self._chronicle.position))
            if is_wide and (is_first or not sight.is_whole):
                # Not those who have come meanwhile: their turn is the next look.
                post.to((self._audience.wide & wide) - wishes.keys(), missed(self._chronicle.position))
            self._tell_newest(post, sight.newest, wishes)
            for listener, wish in wishes.items():
                self._grant(post, listener, wish)

    def _in_turn(self, named: list[UUID], at_once: set[UUID]) -> set[UUID]:
        """Return the jobs to ask for now: those that somebody waits for, and as many others as go in."""
        if len(named) <= MOST_JOBS:
            return {*named, *at_once}
        begin = self._turn % len(named)
        self._turn = begin + MOST_JOBS
        return {*(named + named)[begin : self._turn], *at_once}

    def _tell(self, post: _Post, listeners: "Iterable[Listener]", change: Change) -> None:
        for listener in listeners:
            if listener.scope.includes(change):
                post.news[listener].append(change.inside if listener.sees_inside else change.outside)

    def _tell_newest(self, post: _Post, newest: UUID | None, wishes: "Iterable[Listener]") -> None:
        if newest is None:
            return
        is_new = self._newest is None or self._newest.data["id"] != str(newest)
        if self._newest is None or is_new:
            self._newest = News("newest", {"id": str(newest)}, "newest")
        listeners = self._audience.listeners if is_new else wishes
        post.to((each for each in listeners if each.sees_inside and each.scope.everything), self._newest)

    def _grant(self, post: _Post, listener: "Listener", wish: _Wish) -> None:
        """Tell somebody what they have missed, and how that is which they have begun to listen to."""
        interest = self._audience.interest_of(listener)
        position = self._chronicle.position
        if wish.last_event_id is not None:
            lately = self._chronicle.since(wish.last_event_id, wide=interest.is_wide)
            if lately is None:
                post.to([listener], missed(position))
            for change in lately or ():
                if listener in self._audience.of_change(change.job, change.queue):
                    self._tell(post, [listener], change)
        for job in wish.jobs & interest.jobs:
            present = self._chronicle.present(job)
            if present is None or not listener.scope.includes(present):
                post.to([listener], unknown(job, position))
            else:
                news = present.inside if listener.sees_inside else present.outside
                post.to([listener], replace(news, id=position))

    def _draw(self, post: _Post, wishes: "dict[Listener, _Wish]") -> None:
        """Tell of the regions that somebody looks at and that have changed."""
        with self._changed:
            wanted = self._audience.regions
        before = self._drawings.present
        drawn = self._drawings.update(wanted, {region for wish in wishes.values() for region in wish.regions})
        with self._changed:
            for region, news in drawn.items():
                if before.get(region) is not news:
                    post.to(self._audience.of_region(region), news)
            for listener, wish in wishes.items():
                for region in wish.regions & drawn.keys():
                    post.to([listener], drawn[region])

    def _say(self, post: _Post, wishes: "dict[Listener, _Wish]", words: str) -> bool:
        """Tell of trouble, or that it is over, everybody who does not know yet; returns whether it is new."""
        is_new: bool = self._trouble.data["words"] != words
        if is_new:
            self._trouble = trouble(words)
            with self._changed:
                post.first_to(self._audience.listeners, self._trouble)
        elif words:
            post.first_to((each for each, wish in wishes.items() if not wish.knows_trouble), self._trouble)
        for wish in wishes.values():
            wish.knows_trouble = True
        return is_new

    def _put_back(self, wishes: "dict[Listener, _Wish]") -> None:
        """Keep for the next look what could not be granted in this one."""
        with self._changed:
            for listener, wish in wishes.items():
                if listener not in self._audience:
                    continue
                newer = self._wishes.get(listener, _Wish())
                wish.jobs |= newer.jobs
                wish.regions |= newer.regions
                self._wishes[listener] = wish

    def _send(self, post: _Post) -> None:
        """Hand over to each event loop, in one go, what those who listen there are to hear."""
        with self._changed:
            listeners = self._audience.listeners
        self._drop(each for each in listeners if each.is_stuck(PATIENCE))
        position = self._chronicle.position
        if not post.news and position == self._told_position:
            return
        self._told_position = position
        for loop, those in _by_loop(listeners).items():
            if not _call(loop, partial(_hand_over, those, post.news, position)):
                for listener in those:  # their event loop has ended without a word
                    self.remove(listener)

    def _drop(self, stuck: "Iterable[Listener]") -> None:
        for listener in stuck:
            logger.info("Somebody who listens has taken nothing for %.0f s and is dropped.", PATIENCE)
            self.remove(listener)
            _call(listener.loop, partial(listener.end, "slow"))


def _asked_at(wishes: Iterable[_Wish]) -> UUID:
    """Return the id below which jobs are older than all these wishes."""
    earliest = min((wish.asked_at for wish in wishes), default=time.time())
    return earliest_job_id(datetime.fromtimestamp(earliest, UTC))


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

"""Finds out at each look what there is to tell, and to whom.

However many listen: a look is one statement about all the jobs that matter to somebody, what has changed is
worked out once, and each region of the console is rendered once for each level of permission.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import DatabaseError, connections

from taskyard.exceptions import NotMigrated
from taskyard.ids import earliest_job_id

from .audience import Audience
from .chronicle import Chronicle
from .drawing import Drawings, Regions
from .jobs import Change, unknown
from .looking import Question, look
from .news import News, missed, trouble
from .round import Round, Wish

if TYPE_CHECKING:
    from .listener import Listener

logger = logging.getLogger(__name__)

MOST_JOBS = 5_000
"""Jobs that one look asks for by their ids. Where more are watched, they have their turns."""

MEMORY = 60.0
"""Seconds for which it is known how jobs were while nobody listens."""


class Reporter:
    """Belongs to the watcher's thread.

    Args:
        audience: who listens; others may change it while they hold the lock.
        lock: held while the audience is read.
        regions: returns what pages are made of, by name.
    """

    def __init__(self, audience: Audience, lock: threading.Condition, regions: Callable[[], Regions]) -> None:
        self._audience = audience
        self._lock = lock
        self._chronicle = Chronicle()
        self.looked_at = float("-inf")
        """When the latest look ended, by the monotonic clock."""

        self._wide_looked_at = float("-inf")
        self._drawings = Drawings(regions)
        self._newest: News | None = None
        self._trouble = trouble("")
        self._turn = 0

    @property
    def position(self) -> str:
        """Where in the course of events we are."""
        return self._chronicle.position

    def begin(self) -> None:
        """Begin to look, again it may be: what was known long ago is forgotten."""
        if time.monotonic() > self.looked_at + MEMORY:
            self._chronicle, self._newest = Chronicle(), None

    def report(self, this: Round) -> bool:
        """Look once, and fill in what there is to tell; False where that could not be found out."""
        try:
            self._look(this)
            self._draw(this)
            self._say(this, "")
        except (DatabaseError, NotMigrated) as error:
            connections.close_all()  # the next look takes a new one; else it is kept from tick to tick
            # Its own words may name hosts and users, which are not for all who may look.
            if self._say(this, f"The database does not answer ({type(error).__name__})."):
                logger.warning("Who listens cannot be told what happens: %s", error)
        except Exception as error:
            if self._say(this, f"Live updates have failed: {type(error).__name__}"):
                logger.exception("What who listens is to be told could not be found out.")
        else:
            return True
        finally:
            self.looked_at = time.monotonic()
        return False

    def _look(self, this: Round) -> None:
        now, is_wide = time.monotonic(), bool(this.wide)
        is_first = is_wide and now - self._wide_looked_at > MEMORY
        asked_at = min((wish.asked_at for wish in this.wishes.values()), default=time.time())
        since = time.time() - asked_at if is_first else now - self._wide_looked_at
        asked = self._in_turn(this.named, {job for wish in this.wishes.values() for job in wish.jobs})
        if is_wide:
            asked.update(self._chronicle.running)
        sight = look(Question(asked, since if is_wide else None))
        if is_first:
            self._chronicle.begin_wide()
        new_from = earliest_job_id(datetime.fromtimestamp(asked_at, UTC)) if is_first else None
        changes = self._chronicle.take(sight, new_from)
        gone = self._chronicle.gone(sight, asked)
        self._chronicle.forget(sight.jobs.keys() | set(this.named))
        if is_wide:
            self._wide_looked_at = now
        with self._lock:
            for change in changes:
                self._tell_of(this, self._audience.of_change(change.job, change.queue), change)
            for job in gone:
                this.tell(self._audience.of_job(job), unknown(job, self.position))
            if is_wide and (is_first or not sight.is_whole):
                # Not those who have come meanwhile: their turn is the next look.
                this.tell((self._audience.wide & this.wide) - this.wishes.keys(), missed(self.position))
            self._tell_newest(this, sight.newest)
            for listener, wish in this.wishes.items():
                self._grant(this, listener, wish)

    def _in_turn(self, named: list[UUID], at_once: set[UUID]) -> set[UUID]:
        """Return the jobs to ask for now: those that somebody waits for, and as many others as go in."""
        if len(named) <= MOST_JOBS:
            return {*named, *at_once}
        begin = self._turn % len(named)
        self._turn = begin + MOST_JOBS
        return {*(named + named)[begin : self._turn], *at_once}

    def _tell_of(self, this: Round, listeners: "Iterable[Listener]", change: Change) -> None:
        for listener in listeners:
            if listener.scope.includes(change):
                this.news[listener].append(change.inside if listener.sees_inside else change.outside)

    def _tell_newest(self, this: Round, newest: UUID | None) -> None:
        if newest is None:
            return
        is_new = self._newest is None or self._newest.data["id"] != str(newest)
        if self._newest is None or is_new:
            self._newest = News("newest", {"id": str(newest)}, "newest")
        listeners = self._audience.listeners if is_new else this.wishes
        this.tell((each for each in listeners if each.sees_inside and each.scope.everything), self._newest)

    def _grant(self, this: Round, listener: "Listener", wish: Wish) -> None:
        """Tell somebody what they have missed, and how that is which they have begun to listen to."""
        interest = self._audience.interest_of(listener)
        position = self.position
        if wish.last_event_id is not None:
            lately = self._chronicle.since(wish.last_event_id, wide=interest.is_wide)
            if lately is None:
                this.tell([listener], missed(position))
            for change in lately or ():
                if listener in self._audience.of_change(change.job, change.queue):
                    self._tell_of(this, [listener], change)
        for job in wish.jobs & interest.jobs:
            present = self._chronicle.present(job)
            if present is None or not listener.scope.includes(present):
                this.tell([listener], unknown(job, position))
            else:
                news = present.inside if listener.sees_inside else present.outside
                this.tell([listener], replace(news, id=position))

    def _draw(self, this: Round) -> None:
        """Tell of the regions that somebody looks at and that have changed."""
        with self._lock:
            wanted = self._audience.regions
        before = self._drawings.present
        drawn = self._drawings.update(
            wanted, {region for wish in this.wishes.values() for region in wish.regions}
        )
        with self._lock:
            for region, news in drawn.items():
                if before.get(region) is not news:
                    this.tell(self._audience.of_region(region), news)
            for listener, wish in this.wishes.items():
                for region in wish.regions & drawn.keys():
                    this.tell([listener], drawn[region])

    def _say(self, this: Round, words: str) -> bool:
        """Tell of trouble, or that it is over, everybody who does not know yet; returns whether it is new."""
        is_new: bool = self._trouble.data["words"] != words
        if is_new:
            self._trouble = trouble(words)
            with self._lock:
                this.tell_first(self._audience.listeners, self._trouble)
        elif words:
            this.tell_first(
                (each for each, wish in this.wishes.items() if not wish.knows_trouble), self._trouble
            )
        for wish in this.wishes.values():
            wish.knows_trouble = True
        return is_new

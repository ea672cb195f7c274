"""Looks at the database for all open pages of this process together, as long as there is one.

However many pages are open: each tick takes one snapshot, asks one question about all the jobs that some page
watches, and renders each region once for each level of permission.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from uuid import UUID

from django.db import DatabaseError, connections
from django.db.models import Q, Subquery
from django.urls import get_script_prefix, set_script_prefix

from taskyard.database import explained_errors, jobs_alias
from taskyard.exceptions import NotMigrated
from taskyard.models import Job
from taskyard_monitoring.console.jobs_rows import news
from taskyard_monitoring.console.viewer import Viewer
from taskyard_monitoring.snapshot import Snapshot, snapshot

from .events import event
from .listener import NO_TROUBLE, TROUBLE, Listener, Topic

logger = logging.getLogger(__name__)

TICK = 2.0
"""Seconds between two looks."""

MOST_JOBS = 5_000
"""Jobs that all pages of a process together watch; what is beyond that is not told of."""

NEWEST = "newest"

Regions = Mapping[str, Callable[[Snapshot, Viewer], str]]

_UNSEEN = ("args", "kwargs", "return_value", "metadata")
"""Columns that no event shows, and that may be large."""


class Watcher:
    """The one that looks; runs only while somebody listens.

    Args:
        regions: returns what pages are made of, by name.
    """

    def __init__(self, regions: Callable[[], Regions]) -> None:
        self._regions = regions
        self._listeners: set[Listener] = set()
        self._changed = threading.Condition()
        self._is_running = False
        self._broken: set[str] = set()
        self._prefix = "/"  # under which this site is served, as the latest request told
        self.ticks = 0
        """How often it has looked."""

    @property
    def is_running(self) -> bool:
        """Whether it looks now and then."""
        return self._is_running

    def __len__(self) -> int:
        """How many listen."""
        return len(self._listeners)

    def add(self, listener: Listener) -> None:
        """Tell somebody what happens from now on."""
        with self._changed:
            self._prefix = get_script_prefix()
            self._listeners.add(listener)
            if not self._is_running:
                self._is_running = True
                threading.Thread(target=self._watch, name="taskyard-watcher", daemon=True).start()

    def remove(self, listener: Listener) -> None:
        """Tell somebody no more."""
        with self._changed:
            self._listeners.discard(listener)
            self._changed.notify()

    # --- on the watcher's thread ---

    def _watch(self) -> None:
        next_tick = time.monotonic()
        while self._waited_until(next_tick):
            next_tick = time.monotonic() + TICK
            set_script_prefix(self._prefix)
            self.ticks += 1
            self._tick(self._present())

    def _waited_until(self, moment: float) -> bool:
        """Wait until a moment; False, and the end of this thread, as soon as nobody listens."""
        with self._changed:
            self._changed.wait_for(lambda: not self._listeners, max(0.0, moment - time.monotonic()))
            if self._listeners:
                return True
            connections.close_all()
            self._is_running = False
            return False

    def _present(self) -> list[Listener]:
        with self._changed:
            return list(self._listeners)

    def _tick(self, listeners: list[Listener]) -> None:
        try:
            told = self._look(listeners)
        except (DatabaseError, NotMigrated) as error:
            connections.close_all()  # the next look takes a new one; else it is kept from tick to tick
            logger.warning("Open pages cannot be brought up to date: %s", error)
            # Its own words may name hosts and users, which are not for all who may look.
            told = {TROUBLE: event(TROUBLE, words=f"The database does not answer ({type(error).__name__}).")}
        except Exception as error:
            logger.exception("What open pages show could not be brought up to date.")
            told = {TROUBLE: event(TROUBLE, words=f"Live updates have failed: {type(error).__name__}")}
        for listener in listeners:
            try:
                listener.tell({topic: told[topic] for topic in _topics_of(listener) if topic in told})
            except RuntimeError:  # its event loop has ended without a word
                self.remove(listener)

    def _look(self, listeners: list[Listener]) -> dict[Topic, str]:
        present = snapshot(max_age=TICK / 2)
        regions = {(name, listener.viewer) for listener in listeners for name in listener.regions}
        watched = {job for listener in listeners for job in listener.jobs}
        return {
            TROUBLE: NO_TROUBLE,
            **self._rendered(present, regions),
            **_jobs(sorted(watched)[-MOST_JOBS:]),
        }

    def _rendered(self, present: Snapshot, wanted: Iterable[tuple[str, Viewer]]) -> dict[Topic, str]:
        known = self._regions()
        drawn: dict[Topic, str] = {}
        for name, viewer in wanted:
            if name not in known:
                continue
            try:
                drawn[name, viewer] = event("region", name=name, html=known[name](present, viewer))
                self._broken.discard(name)
            except Exception:
                if name not in self._broken:  # said once, not every tick
                    logger.exception("The region %r of open pages cannot be rendered.", name)
                self._broken.add(name)
        return drawn


def _topics_of(listener: Listener) -> list[Topic]:
    regions = [(name, listener.viewer) for name in sorted(listener.regions)]
    return [TROUBLE, NEWEST, *regions, *listener.jobs]


def _jobs(watched: list[UUID]) -> dict[Topic, str]:
    """Return what there is to say of jobs, and which is the newest, by one statement."""
    jobs = Job.objects.using(jobs_alias())
    newest = Subquery(jobs.order_by("-pk").values("pk")[:1])
    with explained_errors():
        found = list(jobs.filter(Q(pk__in=watched) | Q(pk=newest)).defer(*_UNSEEN).order_by("pk"))
    told: dict[Topic, str] = {job.pk: event("job", id=str(job.pk), **news(job)) for job in found}
    if found:
        told[NEWEST] = event("newest", id=str(found[-1].pk))
    return told


def _console_regions() -> Regions:
    from taskyard_monitoring.console.regions import REGIONS  # noqa: PLC0415 - pages may import us

    return REGIONS


watcher = Watcher(_console_regions)
"""The one of this process."""

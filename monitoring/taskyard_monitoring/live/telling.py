"""Telling that something has happened to jobs, from whichever process it has happened in.

Who tells is a request or an attempt, and only sets a flag; a thread that comes into being with the first news
passes it on, at most ten times a second, and rests while there are none.
"""

import atexit
import logging
import os
import threading
from collections.abc import Callable
from typing import Any

from django.db import connections, transaction

from taskyard.database import jobs_alias
from taskyard.signals import (
    attempt_ended,
    attempt_started,
    job_cancelled,
    job_progressed,
    job_rescued,
    jobs_created,
)

from .wakeup import Means, means

logger = logging.getLogger(__name__)

GATHERING = 0.03
"""Seconds that news are held back: more may come along, and rows that are about to be written are there."""

PAUSE = 0.07
"""Seconds between two times that we tell, beside those."""

IDLE = 1.0
"""Seconds without news after which nothing costly is held any more."""

LAST_WORDS = 1.0
"""Seconds that a process which ends waits until its last news are told."""

RETRY = 5.0
"""Seconds for which we tell nothing once that has failed."""


class Teller:
    """The one of a process."""

    def __init__(self, choose: Callable[[], Means | None]) -> None:
        self._choose = choose
        self.begin()

    def begin(self) -> None:
        """Begin anew, as in a process that was forked: the thread is not in it."""
        self._has_news = threading.Event()
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._has_failed = False

    def tell(self, **_: Any) -> None:
        """Tell that something has happened, soon; takes microseconds and never fails."""
        if self._has_news.is_set():
            return
        self._has_news.set()
        if self._thread is None:
            self._start()

    def stop(self, patience: float | None = None) -> None:
        """Tell what is still to be told, within so many seconds, and then nothing more."""
        with self._lock:
            self._stopped.set()
            thread = self._thread
        if thread is not None:
            self._has_news.set()  # else it waits for some
            thread.join(patience)

    def _start(self) -> None:
        with self._lock:
            if self._thread is None and not self._stopped.is_set():
                self._thread = threading.Thread(target=self._run, name="taskyard-teller", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        way = self._choose()
        if way is None:
            return
        while not self._stopped.is_set():
            if not self._has_news.wait(IDLE):
                way.rest()
                self._has_news.wait()
            self._stopped.wait(GATHERING)
            self._has_news.clear()
            self._stopped.wait(PAUSE if self._sent(way) else RETRY)
        if self._has_news.is_set():
            self._sent(way)
        way.rest()

    def _sent(self, way: Means) -> bool:
        try:
            way.send()
        except Exception as error:
            way.rest()
            if not self._has_failed:  # said once, not every few seconds
                logger.warning("Watchers cannot be told of news (%r); they look now and then.", error)
            self._has_failed = True
            return False
        self._has_failed = False
        return True


teller = Teller(means)
"""The one of this process."""

os.register_at_fork(after_in_child=teller.begin)
atexit.register(teller.stop, LAST_WORDS)


def connect() -> None:
    """Have this process tell what happens to jobs in it."""
    jobs_created.connect(_tell_on_commit, dispatch_uid="taskyard_monitoring.live")
    for signal in (attempt_started, attempt_ended, job_progressed, job_cancelled, job_rescued):
        signal.connect(teller.tell, dispatch_uid="taskyard_monitoring.live")


def _tell_on_commit(**_: Any) -> None:
    alias = jobs_alias()
    if connections[alias].in_atomic_block:
        transaction.on_commit(teller.tell, using=alias, robust=True)
    else:
        teller.tell()

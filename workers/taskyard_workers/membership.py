"""A process's place in the register: it joins, gives signs of life, and leaves.

Silence of `DEATH` seconds is death, and death is declared in the register, in one guarded statement: a
process that was only frozen finds itself declared lost at its next beat, and from then on knows that its
jobs are others'. A process whose own beats stopped getting through does not claim either, by its own
clock, before the others may declare it lost.

Its row is also where operators leave what they want of it, and where it tells how it does.
"""

import logging
import math
import os
import socket
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import uuid4

from django.db import DatabaseError, connections

import taskyard
from taskyard.backend import JobBackend, WorkerOptions
from taskyard.database import DatabaseNow, explained_errors, jobs_alias, jobs_connection

from .connections import keep_connections
from .group import current_group
from .memory import held_memory
from .models import WorkerProcess

logger = logging.getLogger(__name__)

BEAT = 10.0
"""Seconds between two signs of life."""

DEATH = 45.0
"""Seconds of silence after which a process counts as dead."""

LAST_CLAIM = DEATH - BEAT
"""Seconds after its latest sign of life in which a process may still claim."""


PATIENCE = 1.0
"""Seconds before a beat that did not get through is tried again."""

WISH_INTERVAL = 2.0
"""Seconds between two looks at what an operator wants."""


class Membership:
    """This process in the register.

    Args:
        backend: whose jobs it runs.
        options: how it was started.
        on_lost: called when it finds itself declared lost.
        on_wish: called with what an operator wants (see `Wish`; "" for nothing more), whenever that changes.
        latest_claim: tells when it last claimed a job, by the database's clock.
    """

    def __init__(
        self,
        backend: JobBackend,
        options: WorkerOptions,
        on_lost: Callable[[], None],
        *,
        on_wish: Callable[[str], None] = lambda _: None,
        latest_claim: Callable[[], datetime | None] = lambda: None,
    ) -> None:
        self._backend = backend
        self._options = options
        self._on_lost = on_lost
        self._on_wish = on_wish
        self._latest_claim = latest_claim
        self._wish = ""
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._beat_until_left, name="taskyard-heartbeat", daemon=True)
        self._latest_beat = -math.inf
        self.name = options.name or f"{socket.gethostname()}:{os.getpid()}"
        # The suffix tells apart what has the same name, now or after a restart.
        self.worker_id = f"{self.name[:80]}.{uuid4().hex[:12]}"

    def join(self) -> None:
        """Enter the register and start beating.

        Raises:
            NotMigrated: where the register's table is missing.
        """
        with explained_errors():
            self._warn_of_namesakes()
            WorkerProcess.objects.using(jobs_alias()).create(
                id=self.worker_id,
                name=self.name,
                backend=self._backend.alias,
                host=socket.gethostname(),
                pid=os.getpid(),
                queues=list(self._options.queues),
                concurrency=self._options.concurrency,
                started_at=DatabaseNow(),
                beat_at=DatabaseNow(),
                group=current_group(),
                version=taskyard.__version__,
                memory=held_memory(),
            )
        self._latest_beat = time.monotonic()
        self._thread.start()

    def _warn_of_namesakes(self) -> None:
        alive = WorkerProcess.objects.using(jobs_alias()).filter(
            name=self.name, lost_at=None, beat_at__gt=DatabaseNow() - timedelta(seconds=DEATH)
        )
        if self._options.name and alive.exists():
            logger.warning(
                "Another living worker is called %r. Jobs are safe, ids tell the two apart; give each its "
                "own --name so that people can, too.",
                self.name,
            )

    def may_claim(self) -> bool:
        """Whether others surely still take this process for alive."""
        return time.monotonic() - self._latest_beat < LAST_CLAIM

    def beat(self) -> bool:
        """Give a sign of life; False where this process was declared lost meanwhile."""
        begun = time.monotonic()
        alive = (
            WorkerProcess.objects.using(jobs_alias())
            .filter(pk=self.worker_id, lost_at=None)
            .update(beat_at=DatabaseNow(), memory=held_memory(), claimed_at=self._latest_claim())
        )
        if alive:
            self._latest_beat = begun
        return bool(alive)

    def look_for_wish(self) -> None:
        """Look whether an operator wants something else of this process than before."""
        row = WorkerProcess.objects.using(jobs_alias()).filter(pk=self.worker_id)
        for wish in row.values_list("wish", flat=True):
            if wish != self._wish:
                self._wish = wish
                self._on_wish(wish)

    def leave(self) -> None:
        """Stop beating and leave the register."""
        self._left.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)
        try:
            self._sign_off()
        except DatabaseError:
            logger.warning(
                "Worker %s could not sign off; it is taken for lost in %.0f s.", self.worker_id, DEATH
            )

    def _sign_off(self) -> None:
        row = WorkerProcess.objects.using(jobs_alias()).filter(pk=self.worker_id, lost_at=None)
        try:
            row.delete()
        except DatabaseError:
            # This thread's connection is from when it joined: the database may have been away since.
            jobs_connection().close()
            row.delete()

    def _beat_until_left(self) -> None:
        next_beat = time.monotonic() + BEAT
        while not self._left.wait(min(WISH_INTERVAL, max(0.0, next_beat - time.monotonic()))):
            keep_connections()
            try:
                if time.monotonic() >= next_beat:
                    if not self.beat():
                        self._find_itself_lost()
                        break
                    next_beat = time.monotonic() + BEAT
                self.look_for_wish()
            except DatabaseError as error:
                next_beat = time.monotonic() + PATIENCE
                logger.warning(
                    "Worker %s could not give a sign of life (%s); trying again.", self.worker_id, error
                )
        connections.close_all()

    def _find_itself_lost(self) -> None:
        logger.error(
            "Worker %s was silent for over %.0f s and declared lost; its jobs run elsewhere. It starts "
            "afresh.",
            self.worker_id,
            DEATH,
        )
        self._on_lost()

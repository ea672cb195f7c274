"""Celery's worker with forked children: this process fetches, they run the jobs.

This process forks at any time, for a child that died is replaced, and must then have no thread and no
connection to the database. So it has neither: its part of the work is done on Celery's loop, on the main
thread, and what needs the database or a thread is done in each child.
"""

import logging
import os
import select
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, Any

from billiard.pool import EX_RECYCLE  # type: ignore[import-untyped]
from billiard.process import BaseProcess as Process  # type: ignore[import-untyped]
from celery.signals import worker_process_init, worker_process_shutdown  # type: ignore[import-untyped]
from celery.worker import state  # type: ignore[import-untyped]
from django.db import connections

from taskyard.backend import WorkerOptions
from taskyard.database import explained_errors, jobs_alias
from taskyard_workers import exits
from taskyard_workers.engine_worker import jobs_wait
from taskyard_workers.models import WorkerProcess
from taskyard_workers.queues import LOOK_AGAIN, QueueNames
from taskyard_workers.shutdown import PARENT_PIPE, STOP, Shutdown

from .app import OwnApp, SiteApps, app_of, make_ready_to_run, register_task
from .controller import Controller
from .fork import ForkedWorker, Lines
from .queue_watch import QueueWatch, first_queues
from .runner import node_name

if TYPE_CHECKING:
    from .backend import CeleryBackend

logger = logging.getLogger(__name__)

TIME_TO_REPORT = 15.0
"""Seconds beyond the grace time after which a child that has not ended its jobs is killed."""

PATIENCE = 1.0
"""Seconds before a worker that ended by itself is started again."""

TIME_TO_SETTLE = 2.0
"""Seconds that the parent gets, at the very end, beyond what the broker may take for an answer."""


class PreforkWorker:
    """The parent's life, on Celery's loop."""

    def __init__(self, backend: "CeleryBackend", options: WorkerOptions) -> None:
        self._backend = backend
        self._options = options
        self._shutdown = Shutdown()
        names = QueueNames(backend, options.queues)
        self._site = SiteApps()
        self._lines = Lines()
        self._child: ForkedWorker | None = None
        app = app_of(backend.settings)
        app.log.already_setup = True  # else each child sets up Celery's logging in place of the site's
        node = node_name(backend, options)
        register_task(app, self._run)
        make_ready_to_run(app, node)
        with explained_errors():
            WorkerProcess.objects.using(jobs_alias()).exists()  # what a child could not say as well
        self._controller = Controller(
            app,
            backend.settings,
            first_queues(names),
            hostname=node,
            pool_cls="prefork",
            concurrency=options.concurrency,
            on_tick=self._tick,
        )
        self._fleet = Fleet(self._controller, self._lines, options.grace)
        self._watch = QueueWatch(names, self._controller.serve)
        self._next_look = 0.0

    def run(self) -> int:
        """Run jobs until told to stop, or in burst mode until none is left; return the exit code."""
        self._shutdown.wake = self._controller.waker.wake
        worker_process_init.connect(self._begin_child)
        worker_process_shutdown.connect(self._end_child)
        connections.close_all()
        with self._shutdown.on_signals(watch_parent=False):
            self._controller.start()
            signal.setitimer(signal.ITIMER_REAL, 0)
        if not self._shutdown.stopping:
            logger.error("Celery's worker has ended by itself; it starts afresh.")
            time.sleep(PATIENCE)
            return exits.REPLACE
        return self._shutdown.exit_code(self._fleet.exit_code)

    # --- in a child ---

    def _begin_child(self, **_: Any) -> None:
        if isinstance(self._controller.app, OwnApp):
            self._site.put_back()
        self._child = ForkedWorker(self._backend, self._options, self._lines)
        self._child.begin()

    def _end_child(self, **_: Any) -> None:
        if self._child is not None:
            self._child.end()

    def _run(self, message: object) -> str | None:
        assert self._child is not None
        return self._child.run(message)

    # --- in the parent, on the loop ---

    def _tick(self) -> None:
        if not self._shutdown.stopping and time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + LOOK_AGAIN
            self._look_around()
        self._fleet.listen()
        if self._fleet.is_dismissed and not self._shutdown.dismissed:
            logger.info("An operator has stopped a process of the pool; the others stop with it.")
            self._shutdown.dismiss()
        if self._shutdown.stopping:
            self._fleet.stop(at_once=self._shutdown.at_once)

    def _look_around(self) -> None:
        if _parent_is_gone():
            logger.error("The parent process is gone; this worker stops.")
            self._shutdown.stop()
        elif self._options.burst and self._nothing_is_left():
            self._shutdown.stop()
        elif not (self._options.queues or self._backend.queues):
            self._watch.look()
        connections.close_all()

    def _nothing_is_left(self) -> bool:
        """Tell, in burst mode, whether all that is due now is done."""
        requests = state.reserved_requests | state.active_requests
        if requests or jobs_wait(self._backend, self._options):
            return False
        return not (state.reserved_requests | state.active_requests)


def _parent_is_gone() -> bool:
    """Tell whether the supervisor that started this process is gone: then its end of the pipe is closed."""
    pipe = os.environ.get(PARENT_PIPE)
    return pipe is not None and bool(select.select([int(pipe)], [], [], 0)[0])


class Fleet:
    """The children, and how they are brought to their end."""

    def __init__(self, controller: Controller, lines: Lines, grace: float) -> None:
        self._controller = controller
        self._lines = lines
        self._grace = grace
        self._codes: dict[int, int] = {}
        self.is_dismissed = False
        """Whether an operator has stopped one of the children through the register."""

        self._kill_at: float | None = None
        self._is_ending = False

    @property
    def exit_code(self) -> int:
        """The worst of the children's codes."""
        return exits.CUT_OFF if exits.CUT_OFF in self._codes.values() else exits.CLEAN

    def listen(self) -> None:
        """Take note of what the children have reported; to be called again and again."""
        for pid, code in self._lines.reports.receive().items():
            self._codes[pid] = exits.shown(code)
            self.is_dismissed |= exits.is_dismissal(code)

    def stop(self, *, at_once: bool) -> None:
        """Take the next step towards the end, if it is time; to be called again and again."""
        now = time.monotonic()
        if self._kill_at is None:
            self._codes.clear()  # of children that were replaced; their numbers may be others' now
            self._kill_at = now + self._grace + TIME_TO_REPORT
            self._controller.pause()
            self._lines.stop.give()
        if at_once:
            self._lines.stop_at_once.give()
        if self._is_ending:
            self._controller.end_at_once()  # a loop that waits for the broker does not hear of an ordered end
        else:
            self._end_when_all_is_done(now)

    def _end_when_all_is_done(self, now: float) -> None:
        self._note_the_dead()
        at_work = self._children() - set(self._codes)
        if not at_work:
            self._is_ending = True
            self._controller.end()
            signal.signal(signal.SIGALRM, self._cut_short)
            limit = TIME_TO_SETTLE + self._controller.settings.BROKER_TIMEOUT
            signal.setitimer(signal.ITIMER_REAL, limit)
        elif self._kill_at is not None and now > self._kill_at:
            logger.error("%d worker processes do not end; they are killed.", len(at_work))
            _kill(at_work)
            self._codes.update(dict.fromkeys(at_work, exits.CUT_OFF))

    def _note_the_dead(self) -> None:
        """Count as ended who died without a report: the pool replaces nobody while it is not connected."""
        for process in self._processes():
            if process.exitcode is not None:
                # Who died of the signal had not begun to listen, and so had no job.
                is_clean = exits.shown(process.exitcode) in (0, EX_RECYCLE, -STOP)
                self._codes.setdefault(process.pid, exits.CLEAN if is_clean else exits.CUT_OFF)

    def _cut_short(self, _signal: int, _frame: FrameType | None) -> None:
        """End this process, whose farewell to the broker takes too long. All jobs have been recorded."""
        logger.warning("The broker does not take our farewell; this worker ends without it.")
        _kill(self._children())
        logging.shutdown()
        os._exit(self.exit_code)

    def _children(self) -> set[int]:
        return {process.pid for process in self._processes()}

    def _processes(self) -> list[Process]:
        try:
            return list(self._controller.pool._pool._pool)  # noqa: SLF001 - Celery tells their ids only
        except (AttributeError, TypeError):  # the pool has ended
            return []


def _kill(processes: Iterable[int]) -> None:
    for pid in processes:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

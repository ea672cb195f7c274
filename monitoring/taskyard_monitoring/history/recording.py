"""Each process that runs jobs writes down what it did, for the charts.

A thread writes the process's own rows every few seconds, replacing them, so nobody's numbers depend on who
else wrote. Slots are those of the database's clock, as each job's claim told it. A process that does nothing
writes nothing and holds no connection; one that cannot reach the database keeps its numbers for later.
"""

import logging
import random
import threading
import time
from typing import Any

from django.db import DatabaseError, connections

from taskyard.database import jobs_alias
from taskyard.run import Run
from taskyard.signals import attempt_ended
from taskyard.transitions import Outcome
from taskyard_monitoring.models import RollUp
from taskyard_workers.process import JobProcess
from taskyard_workers.signals import process_started, process_stopping

from .pruning import prune
from .steps import STEPS, Step
from .tally import COLUMNS, Change, Key, Tally
from .waiting import seconds_waited

logger = logging.getLogger(__name__)

LOOK_INTERVAL = 5.0
"""Seconds between two looks at whether something is to be written."""

PRUNE_INTERVAL = 60.0
"""Seconds between two prunings of a process that writes."""

LONGEST_FAREWELL = 10.0
"""Seconds that a process waits, as it ends, for its last numbers to be written."""


class Recording:
    """The history of one process, from its joining the register to its leaving."""

    def __init__(self, process_id: str, worker: str) -> None:
        self._process_id = process_id
        self._worker = worker
        self._tally = Tally()
        self._ending = threading.Event()
        self._due = dict.fromkeys(STEPS, 0.0)
        self._next_prune = time.monotonic() + PRUNE_INTERVAL * random.random()  # noqa: S311 - no secret
        self._dropped = 0
        self._thread = threading.Thread(target=self._write_until_ended, name="taskyard-history", daemon=True)

    def start(self) -> None:
        """Write from now on."""
        self._thread.start()

    def end(self) -> None:
        """Write what is left, and write no more."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(LONGEST_FAREWELL)

    def count(self, run: Run, outcome: Outcome) -> None:
        """Count an attempt that has ended."""
        ended_at = run.ended_at()
        if ended_at is None:
            return
        self._tally.count(
            Key(run.job.backend, run.backend.engine, run.job.queue, run.job.task),
            outcome.event,
            ended_at,
            run_time=time.monotonic() - run.started,
            wait=seconds_waited(run.job),
        )

    # --- on the thread ---

    def _write_until_ended(self) -> None:
        is_last = False
        while not is_last:
            is_last = self._ending.wait(LOOK_INTERVAL)
            try:
                if not self._write(all_of_it=is_last):
                    connections.close_all()  # an idle process holds none
            except Exception:
                logger.exception("The history of worker %s could not be written; it goes on.", self._worker)
        connections.close_all()

    def _write(self, *, all_of_it: bool) -> bool:
        """Write the steps that it is time for, and tell whether there was something."""
        now = time.monotonic()
        written = False
        for step in STEPS:
            if all_of_it or now >= self._due[step]:
                self._due[step] = now + step.pause
                written |= self._write_step(step)
        if written and now >= self._next_prune:
            self._next_prune = now + PRUNE_INTERVAL
            prune()
        return written

    def _write_step(self, step: Step) -> bool:
        changes = self._tally.changes(step)
        if not changes:
            return False
        try:
            replace(self._process_id, self._worker, step, changes)
        except DatabaseError as error:
            connections.close_all()
            self._tally.give_back(step, changes)
            self._say(error)
        return True

    def _say(self, error: DatabaseError) -> None:
        dropped, self._dropped = self._tally.dropped - self._dropped, self._tally.dropped
        if dropped:
            logger.warning("The charts lose %d slots of worker %s: %s", dropped, self._worker, error)
        else:
            logger.info("The history of worker %s is written later: %s", self._worker, error)


def replace(process_id: str, worker: str, step: Step, changes: list[Change]) -> None:
    """Put rows of one process into the database, in place of what it wrote of them before."""
    alias = jobs_alias()
    rows = [
        RollUp(
            step=step.seconds,
            slot=slot,
            process=process_id,
            worker=worker[:80],
            backend=key.backend,
            engine=key.engine,
            queue=key.queue,
            task=key.task,
            run_times=numbers.run_times,
            waits=numbers.waits,
            **numbers.ended,
        )
        for slot, key, numbers in changes
    ]
    has_target = connections[alias].features.supports_update_conflicts_with_target
    RollUp.objects.using(alias).bulk_create(
        rows,
        batch_size=100,
        update_conflicts=True,
        update_fields=[*COLUMNS.values(), "run_times", "waits"],
        unique_fields=["step", "slot", "process", "backend", "queue", "task"] if has_target else None,
    )


_recording: Recording | None = None
"""Of this process, if it runs jobs."""


def connect() -> None:
    """Have every process that runs jobs from now on write its history; for `AppConfig.ready`."""
    process_started.connect(_begin, dispatch_uid="taskyard_monitoring.history")
    attempt_ended.connect(_count, dispatch_uid="taskyard_monitoring.history")
    process_stopping.connect(_end, dispatch_uid="taskyard_monitoring.history")


def disconnect() -> None:
    """Undo `connect`."""
    for signal in (process_started, attempt_ended, process_stopping):
        signal.disconnect(dispatch_uid="taskyard_monitoring.history")


def _begin(process: JobProcess, **_: Any) -> None:
    global _recording  # noqa: PLW0603 - one a process
    _recording = Recording(process.membership.worker_id, process.membership.name)
    _recording.start()


def _count(run: Run, outcome: Outcome | None, **_: Any) -> None:
    if _recording is not None and outcome is not None:
        _recording.count(run, outcome)


def _end(**_: Any) -> None:
    global _recording  # noqa: PLW0603
    if _recording is not None:
        _recording.end()
        _recording = None

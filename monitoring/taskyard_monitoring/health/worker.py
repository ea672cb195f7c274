"""How the processes of one worker do."""

import os
import time
from collections.abc import Iterable
from datetime import datetime

from django.db.models import Count

from taskyard.backend import job_backends
from taskyard.database import database_time, jobs_alias, jobs_connection
from taskyard.models import Job
from taskyard.states import JobState
from taskyard_monitoring.metrics.asking import Asked, Recent
from taskyard_workers.fleet import SILENCE
from taskyard_workers.models import WorkerProcess

from .verdict import GOOD_FOR, TOO_LONG, Health, Verdict, carefully, in_seconds, judged
from .waiting import queues_that_are_due, queues_that_wait

TIME_OF_BROKER = 2.0
"""Seconds after which a broker counts as out of reach."""


class WorkerHealth:
    """How the processes of one `manage.py worker` do, as their parent sees it.

    One that has free slots and claims nothing while jobs wait for it is only found guilty if it was seen so
    with two of its beats: between two jobs every slot is free for a moment.
    """

    def __init__(self, group: str) -> None:
        self._group = group
        self._seen = time.monotonic()
        self._suspects: dict[str, datetime] = {}
        self._question = Asked(self._look)
        self._depths: dict[str, Asked[dict[str, int]]] = {}
        self._recent = Recent(lambda: carefully(self._question), GOOD_FOR)

    def verdict(self) -> Verdict:
        """Return how they do, as found out within the last two seconds."""
        return self._recent.get()

    def _look(self) -> Verdict:
        rows = list(WorkerProcess.objects.using(jobs_alias()).filter(group=self._group))
        now = database_time(jobs_connection())
        # One that was killed stays in the register for a while; whoever took its place is there, too.
        there = [row for row in rows if _is_one_of_ours(row.pid)]
        living = [row for row in there if row.lost_at is None]
        found = [self._of_the_gone(there, living)]
        found += [
            Verdict(Health.BAD, [f"{row.id} has given no sign of life for {in_seconds(now - row.beat_at)}."])
            for row in living
            if now - row.beat_at > SILENCE
        ]
        found += self._of_the_idle([row for row in living if now - row.beat_at <= SILENCE])
        return judged(found)

    def _of_the_gone(self, there: Iterable[WorkerProcess], living: Iterable[WorkerProcess]) -> Verdict:
        pids = {row.pid for row in living}
        # Declared lost, but there: it is frozen, or has no connection to the database.
        stuck = [row.id for row in there if row.lost_at is not None and row.pid not in pids]
        if stuck:
            return Verdict(
                Health.BAD, [f"{each} was declared lost and does not come back." for each in stuck]
            )
        if pids:
            self._seen = time.monotonic()
            return Verdict(Health.OK)
        if time.monotonic() - self._seen < TOO_LONG.total_seconds():
            return Verdict(Health.OK, ["The worker is starting."])
        return Verdict(Health.BAD, ["No process of this worker is in the register."])

    def _of_the_idle(self, living: Iterable[WorkerProcess]) -> list[Verdict]:
        idle = [row for row in living if not row.wish and _claims_nothing(row)]
        running = dict(
            Job.objects.using(jobs_alias())
            .filter(state=JobState.RUNNING, worker__in=[row.id for row in idle])
            .values_list("worker")
            .annotate(Count("pk"))
            .order_by()
        ) if idle else {}  # fmt: skip
        accused = {
            row.id: (row, what)
            for row in idle
            if running.get(row.id, 0) < row.concurrency and (what := _what_waits(row))
        }
        before = self._suspects
        self._suspects = {each: before.get(each, row.beat_at) for each, (row, _) in accused.items()}
        return [self._accusation(row, what) for row, what in accused.values()]

    def _accusation(self, row: WorkerProcess, what: str) -> Verdict:
        if not self._broker_answers(row.backend):
            return Verdict(
                Health.UNKNOWN, [f"The broker of backend {row.backend!r} does not answer, and {what}."]
            )
        reason = (
            f"{row.id} has free slots and has claimed nothing for over {in_seconds(TOO_LONG)}, while {what}"
        )
        if self._suspects[row.id] == row.beat_at:
            return Verdict(Health.OK, [f"{reason}. It is looked at again after its next sign of life."])
        return Verdict(Health.BAD, [f"{reason}."])

    def _broker_answers(self, alias: str) -> bool:
        backend = job_backends().get(alias)
        if backend is None or not backend.leases_deliveries:
            return True
        question = self._depths.setdefault(alias, Asked(backend.queue_depths))
        try:
            question.answer(TIME_OF_BROKER)
        except Exception:
            return False
        return True


def _claims_nothing(row: WorkerProcess) -> bool:
    """Tell whether a process had claimed nothing for too long at its latest beat."""
    return row.beat_at - (row.claimed_at or row.started_at) > TOO_LONG


def _what_waits(row: WorkerProcess) -> str:
    """Return what waits in vain for a process, "" if nothing does."""
    backend = job_backends().get(row.backend)
    if backend is None:
        return ""
    since = row.beat_at - TOO_LONG
    served = set(row.queues or backend.queues)
    for queue, oldest in queues_that_wait(backend, served):
        if oldest < since:
            return f"a job of queue {queue!r} waits"
    # With its broker out of reach a job is due again within seconds, so such a one nobody has looked at.
    if served and any(each in served for each in queues_that_are_due(backend, since)):
        return "due jobs are not delivered"
    return ""


def _is_one_of_ours(pid: int) -> bool:
    """Tell whether a process is there and belongs to this one; ids are given out anew after a time."""
    try:
        return os.getpgid(pid) == os.getpgrp()
    except OSError:
        return False

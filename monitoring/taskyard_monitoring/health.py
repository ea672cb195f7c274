"""Whether workers work, for whoever would restart them, and whether the site's jobs are being run.

A worker is healthy when it claims jobs, not when its process is there. What a restart would not mend, such as
a database or a broker out of reach, is no reason for one: then nobody knows, and the answer says so.
"""

import logging
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, JsonResponse

from taskyard.backend import JobBackend, job_backends
from taskyard.database import DatabaseNow, database_time, jobs_alias, jobs_connection
from taskyard.delivery import waiting_queues
from taskyard.exceptions import NotMigrated
from taskyard.models import Job, Schedule
from taskyard.operating.queues import oldest_waiting
from taskyard.pauses import paused_queues
from taskyard.states import JobState
from taskyard_workers.fleet import SILENCE
from taskyard_workers.membership import DEATH
from taskyard_workers.models import WorkerProcess

from .metrics.asking import Asked, Recent

if TYPE_CHECKING:
    from .metrics.processes import Folder

logger = logging.getLogger(__name__)

TOO_LONG = timedelta(seconds=60)
"""For so long a job may wait, a worker with free slots may claim nothing, and a dispatcher may do nothing."""

TIME_TO_ANSWER = 3.0
"""Seconds after which the database counts as out of reach."""

TIME_OF_BROKER = 2.0
"""Seconds after which a broker does."""

GOOD_FOR = 2.0
"""Seconds for which a verdict holds, however many ask."""


class Health(Enum):
    """How something does."""

    OK = "ok"
    UNKNOWN = "unknown"
    """Nobody can tell, and a restart would not help."""

    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How something does, and why."""

    health: Health
    reasons: list[str] = field(default_factory=list)

    @property
    def status(self) -> HTTPStatus:
        """What to answer whoever asks over HTTP."""
        return HTTPStatus.SERVICE_UNAVAILABLE if self.health is Health.BAD else HTTPStatus.OK

    def as_data(self) -> dict[str, Any]:
        """Return what to tell as JSON."""
        return {"status": self.health.value, "reasons": self.reasons}


def _judged(found: Iterable[Verdict]) -> Verdict:
    """Return the worst of what was found, with all reasons."""
    found = list(found)
    worst = max((each.health for each in found), key=list(Health).index, default=Health.OK)
    return Verdict(worst, [reason for each in found for reason in each.reasons])


def _carefully(question: Asked[Verdict]) -> Verdict:
    """Return the answer, "unknown" where the database gives none in time."""
    try:
        return question.answer(TIME_TO_ANSWER)
    except TimeoutError:
        return Verdict(Health.UNKNOWN, [f"The jobs' database has not answered for {TIME_TO_ANSWER:.0f} s."])
    except NotMigrated as error:
        return Verdict(Health.UNKNOWN, [str(error)])
    except DatabaseError as error:
        logger.warning("Cannot tell how things are: %s", error)
        return Verdict(Health.UNKNOWN, ["The jobs' database does not answer."])
    except Exception:
        logger.exception("Cannot tell how things are.")
        return Verdict(Health.UNKNOWN, ["Looking failed; the log says why."])


# --- one worker ---


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
        self._recent = Recent(lambda: _carefully(self._question), GOOD_FOR)

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
            Verdict(Health.BAD, [f"{row.id} has given no sign of life for {_seconds(now - row.beat_at)}."])
            for row in living
            if now - row.beat_at > SILENCE
        ]
        found += self._of_the_idle([row for row in living if now - row.beat_at <= SILENCE])
        return _judged(found)

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
            f"{row.id} has free slots and has claimed nothing for over {_seconds(TOO_LONG)}, while {what}"
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
    for queue, oldest in _waiting_queues(backend, served):
        if oldest < since:
            return f"a job of queue {queue!r} waits"
    # With its broker out of reach a job is due again within seconds, so such a one nobody has looked at.
    if served and any(each in served for each in _due_queues(backend, since)):
        return "due jobs are not delivered"
    return ""


def _is_one_of_ours(pid: int) -> bool:
    """Tell whether a process is there and belongs to this one; ids are given out anew after a time."""
    try:
        return os.getpgid(pid) == os.getpgrp()
    except OSError:
        return False


# --- a dispatcher by itself ---


class DispatcherHealth:
    """Whether a dispatcher makes its rounds, as its parent sees it by what it counts."""

    def __init__(self, folder: "Folder") -> None:
        self._folder = folder
        self._rounds = 0.0
        self._since = time.monotonic()
        self._question = Asked(_database_answers)
        self._recent = Recent(self._look, GOOD_FOR)

    def verdict(self) -> Verdict:
        """Return how it does, as found out within the last two seconds."""
        return self._recent.get()

    def _look(self) -> Verdict:
        from .metrics.names import DISPATCHER_ROUNDS  # noqa: PLC0415

        with self._folder.held():
            rounds = self._folder.registry().get_sample_value(DISPATCHER_ROUNDS.name) or 0.0
        now = time.monotonic()
        if rounds != self._rounds:
            self._rounds, self._since = rounds, now
        silent_for = timedelta(seconds=now - self._since)
        if silent_for <= TOO_LONG:
            return Verdict(Health.OK)
        reachable = _carefully(self._question)
        if reachable.health is not Health.OK:
            return reachable
        return Verdict(Health.BAD, [f"The dispatcher has made no round for {_seconds(silent_for)}."])


def _database_answers() -> Verdict:
    database_time(jobs_connection())
    return Verdict(Health.OK)


# --- the site ---


def site_health(_request: HttpRequest) -> HttpResponse:
    """Tell whether the site's jobs are being run: 200, or 503 and why. Open to all, so it names nothing."""
    verdict = _site.get()
    answer = JsonResponse(verdict.as_data(), status=verdict.status)
    answer["Cache-Control"] = "no-store"
    return answer


def _look_at_site() -> Verdict:
    now = database_time(jobs_connection())
    checks: tuple[Callable[[datetime], str], ...] = (_unserved, _silent_dispatchers)
    return _judged(Verdict(Health.BAD, [reason]) for check in checks if (reason := check(now - TOO_LONG)))


def _unserved(since: datetime) -> str:
    alive = list(
        WorkerProcess.objects.using(jobs_alias())
        .filter(lost_at=None, beat_at__gte=DatabaseNow() - SILENCE)
        .values_list("backend", "queues")
    )
    for alias, backend in job_backends().items():
        for queue, oldest in _waiting_queues(backend, backend.queues):
            is_served = any(other == alias and (not queues or queue in queues) for other, queues in alive)
            if oldest < since and not is_served:
                return "Jobs wait, and no living worker serves them."
    return ""


def _silent_dispatchers(since: datetime) -> str:
    late = (
        any(any(_due_queues(backend, since)) for backend in job_backends().values())
        or Schedule.objects.using(jobs_alias()).filter(paused_at=None, fault="", next_slot__lt=since).exists()
        or WorkerProcess.objects.using(jobs_alias())
        .filter(lost_at=None, beat_at__lt=since - timedelta(seconds=DEATH))
        .exists()
    )
    return "No dispatcher acts on what is due." if late else ""


_site_question = Asked(_look_at_site)
_site = Recent(lambda: _carefully(_site_question), GOOD_FOR)


# --- what waits ---


def _waiting_queues(backend: JobBackend, served: Iterable[str]) -> Iterable[tuple[str, datetime]]:
    """Yield the queues, of those served or else of all, in which jobs wait for a worker, and since when."""
    paused = paused_queues()
    served = set(served)
    for queue in waiting_queues(backend.alias):
        if queue in paused or (served and queue not in served):
            continue
        oldest = oldest_waiting(queue, backend.alias)
        if oldest is not None:
            yield queue, oldest


def _due_queues(backend: JobBackend, since: datetime) -> Iterable[str]:
    """Return the queues of the jobs that have been due longest and were not delivered."""
    due = Job.objects.using(jobs_alias()).filter(
        state=JobState.READY, delivered_at=None, due_at__lt=since, backend=backend.alias
    )
    return due.order_by("due_at").values_list("queue", flat=True)[:100]


def _seconds(length: timedelta) -> str:
    return f"{length.total_seconds():.0f} s"

"""The loop that acts on what is due: deferred starts, retries, lost deliveries, dead workers, old jobs.

Any number of dispatchers may run at once, one in every worker; rows in another's hands are passed over.
"""

import logging
import random
import threading
import time
from collections.abc import Callable
from functools import cache, partial

from django.db import DatabaseError, connections

from taskyard.announcing import announce
from taskyard.backend import JobBackend, job_backends
from taskyard.breaker import PAUSE, breaker_for
from taskyard.compat import InvalidTaskBackend
from taskyard.database import jobs_alias
from taskyard.delivery import (
    Delivery,
    delivery_of,
    hand_back,
    overtakings,
    seconds_until_due,
    take_due,
    take_lost,
    waiting_queues,
)
from taskyard.models import Job, PausedQueue
from taskyard.pauses import bring_back
from taskyard.promotion import promote
from taskyard.retention import prune, retention_of
from taskyard.schedules.firing import fire_due, seconds_until_next
from taskyard.schedules.synchronising import sync_declared
from taskyard.signals import job_cancelled
from taskyard.states import JobState
from taskyard.transitions import cancel_waiting, waiting_to_be_cancelled

from . import rescue
from .connections import keep_connections
from .membership import BEAT
from .signals import dispatcher_round

logger = logging.getLogger(__name__)

BATCH = 500
"""Jobs that are taken and delivered together."""

LONGEST_SLEEP = 1.0
"""Seconds between two looks at most: a due row whose clock nobody watched waits no longer."""

RESCUE_INTERVAL = 2.0
RECOVERY_INTERVAL = 3.0
PROMOTION_INTERVAL = 5.0
PRUNE_INTERVAL = 60.0

RESUME_WATCH = 10.0
"""Seconds after a queue was resumed in which jobs that were set aside are looked for."""


class Dispatcher:
    """Acts on due jobs of all backends that this site's TASKS names."""

    def __init__(self, on_delivered: Callable[[], object] = lambda: None) -> None:
        self._on_delivered = on_delivered
        self._healthy_since = time.monotonic()
        self._next_rescue = 0.0
        self._next_prune = 0.0
        self._next_recovery: dict[str, float] = {}
        self._next_promotion: dict[str, float] = {}
        self._set_aside = SetAside()
        self._schedules_are_known = False
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    # --- as a loop ---

    def start(self) -> None:
        """Run the loop on a thread of its own."""
        self._thread = threading.Thread(target=self.run, name="taskyard-dispatcher", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the loop and wait for its thread."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def run(self) -> None:
        """Act on what is due until stopped; a database out of reach is waited for."""
        while not self._stopped.is_set():
            keep_connections()
            try:
                sleep = self.run_once()
            except DatabaseError as error:
                self._healthy_since = time.monotonic()
                sleep = LONGEST_SLEEP
                logger.warning("The dispatcher cannot reach its database (%s); trying again.", error)
            except Exception:
                sleep = LONGEST_SLEEP
                logger.exception("A round of the dispatcher failed; it goes on with the next.")
            # Jitter, so that many dispatchers do not ask in lockstep.
            self._stopped.wait(sleep * random.uniform(0.8, 1.0))  # noqa: S311 - no secret
        connections.close_all()

    # --- one round ---

    def run_once(self) -> float:
        """Act on all that is due now, and return for how many seconds nothing will be.

        What goes wrong with one step or backend is logged and stops no other.

        Raises:
            DatabaseError: where the database does not answer.
        """
        now = time.monotonic()
        backends = job_backends(_report_unserved)
        if now >= self._next_rescue:
            self._next_rescue = now + RESCUE_INTERVAL
            _guarded("The jobs of dead workers could not be rescued", self._rescue)
        _guarded("Jobs of resumed queues could not be brought back", self._set_aside.look)
        _guarded("Jobs could not be cancelled", self._cancel)
        if not self._schedules_are_known:
            _guarded("The declared schedules could not be read", self._read_schedules)
        _guarded("Schedules could not be fired", fire_due)
        for alias, backend in backends.items():
            what = f"Backend {alias!r} could not be served"
            _guarded(what, partial(self._dispatch, alias, backend))
        if now >= self._next_prune:
            self._next_prune = now + PRUNE_INTERVAL
            _guarded("Old jobs could not be pruned", self._keep_house)
        dispatcher_round.send_robust(sender=type(self))
        waits = [wait for wait in (seconds_until_due(backends), seconds_until_next()) if wait is not None]
        return min(LONGEST_SLEEP, *(max(wait, 0.01) for wait in waits)) if waits else LONGEST_SLEEP

    def _read_schedules(self) -> None:
        sync_declared()
        self._schedules_are_known = True

    def _dispatch(self, alias: str, backend: JobBackend) -> None:
        while due := take_due(alias, leased=backend.leases_deliveries, limit=BATCH):
            if not self._deliver(backend, [delivery_of(job) for job in due]) or len(due) < BATCH:
                break
        if backend.leases_deliveries and time.monotonic() >= self._next_recovery.get(alias, 0.0):
            self._next_recovery[alias] = time.monotonic() + RECOVERY_INTERVAL
            self._recover(alias, backend)
        if time.monotonic() >= self._next_promotion.get(alias, 0.0):
            self._next_promotion[alias] = time.monotonic() + PROMOTION_INTERVAL
            self._promote(alias, backend)

    def _promote(self, alias: str, backend: JobBackend) -> None:
        """Raise what has waited too long behind more urgent jobs."""
        age, leased = backend.settings.PROMOTE_AFTER, backend.leases_deliveries
        if age is None:
            return
        for queue in waiting_queues(alias):
            promoted = promote(alias, queue, age, leased=leased, limit=BATCH)
            if promoted:
                logger.info(
                    "%d jobs of queue %r have waited over %s behind more urgent ones, and are as urgent now.",
                    len(promoted),
                    queue,
                    age,
                )
                if leased:
                    self._deliver(backend, [delivery_of(job) for job in promoted])

    def _recover(self, alias: str, backend: JobBackend) -> None:
        """Deliver once more what the engine has evidently lost, queue by queue."""
        try:
            depths = backend.queue_depths()
        except DatabaseError:
            raise
        except Exception as error:
            logger.warning("Cannot tell what waits in %s (backend %r): %s", backend.engine, alias, error)
            return
        for queue in waiting_queues(alias):
            if not depths.get(queue):
                self._deliver_again(backend, "its queue is empty", partial(take_lost, alias, queue))
        for overtaking in overtakings(alias):
            take = partial(take_lost, alias, overtaking.queue, overtaken_by=overtaking)
            self._deliver_again(backend, "later ones run already", take)

    def _deliver_again(self, backend: JobBackend, evidence: str, take: Callable[..., list[Job]]) -> None:
        while lost := take(limit=BATCH):
            logger.warning(
                "%d jobs were delivered to %s (backend %r) and %s: delivered once more.",
                len(lost),
                backend.engine,
                backend.alias,
                evidence,
            )
            if not self._deliver(backend, [delivery_of(job) for job in lost]) or len(lost) < BATCH:
                break

    def _deliver(self, backend: JobBackend, batch: list[Delivery]) -> bool:
        if not batch:
            return True
        try:
            backend.deliver(batch)
        except Exception as error:
            breaker_for(backend.alias).trip()
            hand_back(batch, delay=PAUSE)
            logger.warning(
                "%d jobs could not be delivered to %s (backend %r): %s. Next try in %.0f s.",
                len(batch),
                backend.engine,
                backend.alias,
                error,
                PAUSE,
            )
            return False
        breaker_for(backend.alias).reset()
        self._on_delivered()
        return True

    def _rescue(self) -> None:
        """Bring back the jobs of dead workers.

        After a time without the database every worker looks dead to whoever comes back first. So the
        dispatcher must have been in touch long enough for the living to have shown themselves.
        """
        if time.monotonic() - self._healthy_since < BEAT:
            return
        rescue.declare_lost()
        while rescue.rescue_orphans():
            pass

    def _cancel(self) -> None:
        for job in waiting_to_be_cancelled(BATCH):
            if cancel_waiting([job.id], retention_of(job, JobState.CANCELLED)):
                job.refresh_from_db()
                announce(job_cancelled, job)

    def _keep_house(self) -> None:
        while prune() and not self._stopped.is_set():
            pass
        rescue.forget_lost()
        self._report_unknown_backends()

    def _report_unknown_backends(self) -> None:
        known = list(job_backends())
        unknown = (
            Job.objects.using(jobs_alias())
            .filter(state=JobState.READY)
            .exclude(backend__in=known)
            .values_list("backend", flat=True)
            .first()
        )
        if unknown is not None:
            logger.error(
                "Jobs wait on the backend %r, and TASKS has no engine for it, only for %s. Hand them over: "
                "manage.py jobs move --from %s --to ALIAS; or put it back until they are done.",
                unknown,
                ", ".join(known),
                unknown,
            )


class SetAside:
    """Brings back what messages came for while their queue was paused.

    Looking costs the more the more was set aside, so it is done for a while after a queue was resumed, since
    a worker may be about to set a job aside just then; and now and then, in case nobody saw it resumed.
    """

    def __init__(self) -> None:
        self._paused: frozenset[str] = frozenset()
        self._until = 0.0
        self._next_look = 0.0

    def look(self) -> None:
        """Bring back what there is, if it is time to look."""
        paused = frozenset(PausedQueue.objects.using(jobs_alias()).values_list("name", flat=True))
        now = time.monotonic()
        if self._paused - paused:
            self._until = now + RESUME_WATCH
        self._paused = paused
        if now < self._until or now >= self._next_look:
            self._next_look = now + PRUNE_INTERVAL
            while bring_back(BATCH) == BATCH:
                pass


def _guarded(what: str, step: Callable[[], object]) -> None:
    try:
        step()
    except DatabaseError:
        raise
    except Exception:
        logger.exception("%s; the dispatcher goes on with the rest.", what)


@cache
def _report_once(fault: str) -> None:
    """Log a fault that every round meets again."""
    logger.error(fault)


def _report_unserved(alias: str, fault: InvalidTaskBackend) -> None:
    _report_once(f"Backend {alias!r} is not served: {fault}")

"""Bringing back the jobs of dead workers."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from django.db.models import Exists, OuterRef
from django.dispatch import Signal

from taskyard import history
from taskyard.compat import InvalidTaskBackend, task_finished
from taskyard.database import DatabaseNow, database_time, jobs_alias, jobs_connection
from taskyard.exceptions import WorkerLost
from taskyard.models import Job
from taskyard.run import Run, prepare
from taskyard.signals import job_rescued
from taskyard.states import Event, JobState
from taskyard.transitions import Outcome, conclude

from .membership import DEATH
from .models import WorkerProcess
from .signals import job_given_up

logger = logging.getLogger(__name__)


def declare_lost() -> int:
    """Declare dead, for good, the processes that were silent too long; return how many."""
    silent = DatabaseNow() - timedelta(seconds=DEATH)
    lost = (
        WorkerProcess.objects.using(jobs_alias())
        .filter(lost_at=None, beat_at__lt=silent)
        .update(lost_at=DatabaseNow())
    )
    if lost:
        logger.error("%d worker processes gave no sign of life for %.0f s: declared lost.", lost, DEATH)
    return lost


def rescue_orphans(limit: int = 200) -> int:
    """Take up to `limit` running jobs from processes that are no longer alive; return how many."""
    alias = jobs_alias()
    owner = WorkerProcess.objects.filter(pk=OuterRef("worker"), lost_at=None)
    orphans = (
        Job.objects.using(alias)
        .filter(state=JobState.RUNNING, last_attempted_at__lt=DatabaseNow() - timedelta(seconds=DEATH))
        .exclude(Exists(owner))[:limit]
    )
    found = list(orphans)
    if not found:
        return 0
    now = database_time(jobs_connection())
    verdicts = {(job.id, job.attempt): _Verdict.on(job, now) for job in found}
    recorded = conclude([verdict.outcome for verdict in verdicts.values()])
    for key in recorded:
        verdicts[key].tell()
    return len(recorded)


def forget_lost(after: timedelta = timedelta(days=1)) -> int:
    """Delete the register's entries of processes lost long ago; return how many."""
    gone, _ = WorkerProcess.objects.using(jobs_alias()).filter(lost_at__lt=DatabaseNow() - after).delete()
    return gone


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What becomes of an orphan."""

    job: Job
    run: Run | None
    """None where this site's TASKS no longer name the job's backend: then it only goes back to READY."""

    lost: WorkerLost
    outcome: Outcome

    @classmethod
    def on(cls, job: Job, now: datetime) -> Self:
        """Send the job back to READY, or fail it where it likely kills its workers."""
        try:
            run = prepare(job)
        except InvalidTaskBackend:
            run = None
        lost = WorkerLost(
            f"Worker {job.worker} stopped giving signs of life while it ran this job. It was killed, ran out "
            "of memory, lost its database, or the job held Python's lock for too long."
        )
        entries = history.ended(job, history.LOST, lost, now)
        gives_up = run is not None and history.count(entries, history.LOST) > run.policy.max_rescues
        outcome = Outcome(
            job_id=job.id,
            attempt=job.attempt,
            event=Event.FAIL if gives_up else Event.RESCUE,
            history=entries,
            retention=0.0 if run is None else run.retention_in(JobState.FAILED).total_seconds(),
        )
        return cls(job, run, lost, outcome)

    def tell(self) -> None:
        """Log what became of the job, and send Django's signal where that was its end."""
        if self.outcome.event == Event.RESCUE:
            logger.warning(
                "Job %s of %s lost its worker %s and runs again.", self.job.id, self.job.task, self.job.worker
            )
            self._send(job_rescued)
            return
        logger.error(
            "Job %s of %s lost its worker %d times and likely is the reason: it is failed. Raise max_rescues "
            "in its @policy if it is not.",
            self.job.id,
            self.job.task,
            history.count(self.outcome.history, history.LOST),
        )
        if self.run is not None:
            job_given_up.send_robust(sender=Run, run=self.run, outcome=self.outcome)
        try:
            raise self.lost
        except WorkerLost:
            # Within the except block, where Django's contract wants it: receivers read sys.exc_info().
            self._send(task_finished)

    def _send(self, signal: Signal) -> None:
        if self.run is not None and self.run.result is not None:
            self.run.show(self.outcome)
            signal.send_robust(sender=type(self.run.backend), task_result=self.run.result)

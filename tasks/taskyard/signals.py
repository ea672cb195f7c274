"""What happens to jobs, for those who want to hear of it: Taskyard's signals beside Django's three.

Django's `task_enqueued`, `task_started` and `task_finished` tell of the way that every job goes; these tell
of what else may befall one. All are sent robustly: a receiver that raises is logged and harms no job. The
sender is the backend's class, and `task_result` the job as Django shows it.
"""

from django.dispatch import Signal

from .compat import task_enqueued, task_finished, task_started

job_retried = Signal()
"""An attempt failed and another follows in `delay` seconds. `sys.exc_info()` has the exception."""

job_rescued = Signal()
"""The worker that ran the job is dead; the job runs again."""

job_cancelled = Signal()
"""Somebody did not want the job any more. One that ran is also finished, as Django sees it."""

job_progressed = Signal()
"""A running job has said how far it is, as `progress`; at most once a second for each job."""

jobs_created = Signal()
"""For instruments: jobs of one task were made and are about to be inserted, as `task` and `jobs`.

Receivers may put metadata of their own in place (jobs may share one mapping: replace it, never change it).
"""

attempt_started = Signal()
"""For instruments: an attempt begins, as `run`, in the process and context that makes it.

Unlike the signals above, this and `attempt_ended` are sent on the spot also from event loops, and for jobs
whose task is gone. Receivers are called for each and every attempt: they must be fast and never wait.
"""

attempt_ended = Signal()
"""For instruments: an attempt has ended, as `run` and `outcome`; None where the outcome was refused."""

__all__ = [
    "attempt_ended",
    "attempt_started",
    "job_cancelled",
    "job_progressed",
    "job_rescued",
    "job_retried",
    "jobs_created",
    "task_enqueued",
    "task_finished",
    "task_started",
]

"""Background jobs for Django: one task API, any engine."""

from .api import aenqueue_many, aget_result, enqueue_many, get_result
from .backoff import Constant, Exponential, Linear
from .binding import enqueue_on
from .compat import (
    InvalidTask,
    TaskContext,
    TaskResult,
    TaskResultDoesNotExist,
    TaskResultMismatch,
    TaskResultStatus,
    default_task_backend,
    task,
    task_backends,
    task_enqueued,
    task_finished,
    task_started,
)
from .current import CurrentJob, current_job
from .exceptions import GiveUp, Retry, Snooze
from .metadata import job_metadata
from .policy import Policy, policy
from .progress import Progress, aget_progress, check_cancelled, get_progress, report_progress, track
from .schedules import schedule
from .signals import job_cancelled, job_progressed, job_rescued, job_retried
from .steering import (
    acancel,
    acancel_many,
    aretry,
    aretry_many,
    arun_now,
    arun_now_many,
    cancel,
    cancel_many,
    retry,
    retry_many,
    run_now,
    run_now_many,
)

__version__ = "0.1.0"

__all__ = [
    "Constant",
    "CurrentJob",
    "Exponential",
    "GiveUp",
    "InvalidTask",
    "Linear",
    "Policy",
    "Progress",
    "Retry",
    "Snooze",
    "TaskContext",
    "TaskResult",
    "TaskResultDoesNotExist",
    "TaskResultMismatch",
    "TaskResultStatus",
    "acancel",
    "acancel_many",
    "aenqueue_many",
    "aget_progress",
    "aget_result",
    "aretry",
    "aretry_many",
    "arun_now",
    "arun_now_many",
    "cancel",
    "cancel_many",
    "check_cancelled",
    "current_job",
    "default_task_backend",
    "enqueue_many",
    "enqueue_on",
    "get_progress",
    "get_result",
    "job_cancelled",
    "job_metadata",
    "job_progressed",
    "job_rescued",
    "job_retried",
    "policy",
    "report_progress",
    "retry",
    "retry_many",
    "run_now",
    "run_now_many",
    "schedule",
    "task",
    "task_backends",
    "task_enqueued",
    "task_finished",
    "task_started",
    "track",
]

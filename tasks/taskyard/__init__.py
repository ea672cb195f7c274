"""Background jobs for Django: one task API, any engine."""

from .api import aenqueue_many, aget_result, enqueue_many, get_result
from .backoff import Constant, Exponential, Linear
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
from .policy import Policy, policy
from .progress import Progress, aget_progress, check_cancelled, get_progress, report_progress, track

__version__ = "0.1.0"

__all__ = [
    "Constant",
    "Exponential",
    "InvalidTask",
    "Linear",
    "Policy",
    "Progress",
    "TaskContext",
    "TaskResult",
    "TaskResultDoesNotExist",
    "TaskResultMismatch",
    "TaskResultStatus",
    "aenqueue_many",
    "aget_progress",
    "aget_result",
    "check_cancelled",
    "default_task_backend",
    "enqueue_many",
    "get_progress",
    "get_result",
    "policy",
    "report_progress",
    "task",
    "task_backends",
    "task_enqueued",
    "task_finished",
    "task_started",
    "track",
]

"""What can go wrong with a job, by name."""

from .compat import TaskException


class JobError(TaskException):
    """Base of Taskyard's own errors."""


class TaskNotFound(JobError):
    """A job names a task that cannot be imported any more."""


class BadArguments(JobError):
    """A job's arguments do not fit its task's signature, or are no longer readable."""


class PayloadTooLarge(JobError, ValueError):
    """Arguments or a return value are over the backend's size limit."""


class UnsupportedPayload(JobError, ValueError):
    """Arguments or a return value hold what a JSON column cannot."""


class NotMigrated(JobError):
    """Taskyard's tables are not in the database."""


class WorkerLost(JobError):
    """The worker that ran a job stopped giving signs of life."""


class Cancelled(JobError):
    """The job was cancelled; this is the error that Django's `TaskResult` shows for it."""


class Interrupted(BaseException):
    """Raised inside a running task to make it stop.

    A `BaseException`, so that a task's own `except Exception` does not hold it up.
    """


class JobTimeout(Interrupted):
    """The task ran longer than its policy's `timeout`."""


class CancelRequested(Interrupted):
    """Somebody has asked to cancel the job while it runs."""


class WorkerStopping(Interrupted):
    """The worker stops and its grace time is over; the job goes back to the queue."""

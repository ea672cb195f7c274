"""What can go wrong with a job, by name, and what a task raises to say how it is to go on."""

from datetime import timedelta

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


class UniqueConflict(JobError):
    """Another job has the unique key that this one needs."""


class Snooze(Exception):
    """Raised by a task: not now, run this job again in a while. No attempt is counted.

    Args:
        delay: seconds or a timedelta.
    """

    def __init__(self, delay: float | timedelta) -> None:
        self.delay = _seconds("Snooze", delay)
        super().__init__(f"Put off for {self.delay:g} s.")


class GiveUp(Exception):
    """Raised by a task: the job has failed and is not to be tried again, whatever its policy says."""


class Retry(Exception):
    """Raised by a task: this attempt has failed and is to be tried again, whatever `retry_on` says.

    It counts like any other failure: after the policy's last attempt the job fails.

    Args:
        reason: a word for people.
        after: seconds or a timedelta until then; None: as the policy's backoff says.
    """

    def __init__(self, reason: str = "", *, after: float | timedelta | None = None) -> None:
        self.after = None if after is None else _seconds("Retry(after=…)", after)
        super().__init__(reason)


def _seconds(what: str, delay: float | timedelta) -> float:
    seconds = delay.total_seconds() if isinstance(delay, timedelta) else delay
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds >= 0:
        raise ValueError(f"{what}: give seconds, 0 or more, or a timedelta; not {delay!r}.")
    return float(seconds)


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

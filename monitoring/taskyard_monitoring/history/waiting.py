"""How long a job waited for a worker."""

from datetime import datetime, timedelta

from taskyard.models import Job

NO_TIME = timedelta(0)


def could_run_at(job: Job) -> datetime | None:
    """Return since when a claimed job could have run: a delay that somebody asked for is no waiting.

    The first attempt could begin once the job was enqueued and its `run_after` had come. A later one, and one
    that an operator hurried, could as soon as it was handed to the engine.
    """
    if job.attempt == 1 and job.last_attempted_at is not None:
        asked_for = max(job.enqueued_at, job.run_after or job.enqueued_at)
        if asked_for <= job.last_attempted_at:
            return asked_for
    return job.delivered_at


def seconds_waited(job: Job) -> float:
    """Return for how many seconds a claimed job could have run and did not."""
    since = could_run_at(job)
    if since is None or job.last_attempted_at is None:
        return 0.0
    return max(NO_TIME, job.last_attempted_at - since).total_seconds()

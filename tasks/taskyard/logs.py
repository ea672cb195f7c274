"""Log records that say which job they come from.

In the settings::

    LOGGING = {
        …
        "filters": {"job": {"()": "taskyard.logs.JobFilter"}},
        "handlers": {"console": {"class": "logging.StreamHandler", "filters": ["job"], "formatter": "job"}},
        "formatters": {"job": {"format": "%(levelname)s %(job_id)s %(task)s[%(attempt)s] %(message)s"}},
    }
"""

import logging

from .current import current_job


class JobFilter(logging.Filter):
    """Give every record `job_id`, `task`, `queue` and `attempt`: a job's within it, and "-" outside.

    What a record says already stays. Put it on handlers: a logger's filters do not see the records of its
    children.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Add what is missing; every record passes."""
        job = current_job()
        known = ("-",) * 4 if job is None else (job.id, job.task, job.queue, job.attempt)
        for name, value in zip(("job_id", "task", "queue", "attempt"), known, strict=True):
            record.__dict__.setdefault(name, value)
        return True

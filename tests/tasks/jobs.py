"""Jobs in any state, their rows as the database holds them, and outcomes to record."""

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from django.db import connection

from taskyard.database import database_time
from taskyard.models import JOB_TABLE, Job, job_key
from taskyard.states import JobState
from taskyard.transitions import Outcome
from tests.example.tasks import nothing

PAST = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
FUTURE = datetime(2090, 1, 5, 8, 0, tzinfo=UTC)

FAILURE = {
    "outcome": "failed",
    "attempt": 1,
    "worker": "ada",
    "started_at": PAST.isoformat(),
    "ended_at": PAST.isoformat(),
    "error": {"type": "builtins.ValueError", "traceback": "ValueError: no luck\n"},
}

_DELIVERED = {"delivered_at": PAST, "deliveries": 1}
_ATTEMPTED = {
    **{"attempt": 1, "worker": "ada", "started_at": PAST, "last_attempted_at": PAST},
    **{"delivered_at": PAST, "deliveries": 1},
}
_FINISHED = {**_ATTEMPTED, "deliveries": 0, "finished_at": PAST, "prune_at": FUTURE}

_USUAL = {
    JobState.READY: _DELIVERED,
    JobState.RUNNING: _ATTEMPTED,
    JobState.SUCCESSFUL: {**_FINISHED, "return_value": 7},
    JobState.FAILED: {**_FINISHED, "attempts": [FAILURE]},
    JobState.CANCELLED: _FINISHED,
}


def add_job(state=JobState.READY, **columns):
    """Put a job into the table as a life that led to this state would have left it."""
    usual = {
        **{"task": nothing.module_path, "args": [], "kwargs": {}},
        **{"backend": "default", "queue": "default", "priority": 0, "enqueued_at": PAST},
        **_USUAL[state],
    }
    return Job.objects.create(state=state, **{**usual, **columns})


def fresh(job):
    """Return the job as the table has it now."""
    return Job.objects.get(pk=job.pk)


def row_of(job):
    """Return the job's row just as the database hands it out, nothing converted."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {JOB_TABLE} WHERE id = %s", [job_key(job.pk, connection)])
        [row] = cursor.fetchall()
        return dict(zip([column[0] for column in cursor.description], row, strict=True))


def changed(before, after):
    """Return the names of the columns in which two readings of a job differ."""
    return {
        field.attname
        for field in Job._meta.concrete_fields
        if getattr(before, field.attname) != getattr(after, field.attname)
    }


def outcome(job, event, **given):
    """Return the outcome of the job's present attempt."""
    return Outcome(**{"job_id": job.id, "attempt": job.attempt, "event": event, **given})


class Window:
    """A stretch of the database's time: `moment in window`."""

    def __init__(self):
        self.begun = database_time(connection)
        self.ended = None

    def __contains__(self, moment):
        return self.begun <= moment <= self.ended

    def __repr__(self):
        return f"<{self.begun} to {self.ended}>"

    def later(self, seconds):
        """Return the same stretch, so many seconds later."""
        moved = object.__new__(Window)
        moved.begun = self.begun + timedelta(seconds=seconds)
        moved.ended = self.ended + timedelta(seconds=seconds)
        return moved


@contextmanager
def timed():
    """Yield the window in which the block runs, by the database's clock."""
    window = Window()
    yield window
    window.ended = database_time(connection)

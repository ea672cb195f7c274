"""Jobs as the dispatcher finds them, and what it delivered."""

from taskyard.states import JobState
from tests.example.backends import RecordingBackend
from tests.tasks.jobs import PAST, add_job


def waiting_job(**columns):
    return add_job(**{"backend": "leased", "delivered_at": None, "deliveries": 0, "due_at": PAST, **columns})


def leased_job(**columns):
    return add_job(**{"backend": "leased", "due_at": PAST, **columns})


def delivered():
    return [[delivery.job_id for delivery in batch] for batch in RecordingBackend.delivered]


def running_job(**columns):
    return add_job(JobState.RUNNING, backend="leased", **columns)

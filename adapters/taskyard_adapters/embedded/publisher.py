"""Telling idle workers that jobs came, and how many wait: the client's side of the embedded engine.

On PostgreSQL workers are woken by NOTIFY; elsewhere they poll.
"""

from zlib import crc32

from django.db.models import Count

from taskyard.database import jobs_connection, run
from taskyard.models import Job
from taskyard.states import JobState


def channel(alias: str) -> str:
    """Return the channel of a backend: an identifier, whatever characters its alias has."""
    return f"taskyard_{crc32(alias.encode()):08x}"


def notify(alias: str) -> None:
    """Wake the idle workers of a backend."""
    connection = jobs_connection()
    if connection.vendor == "postgresql":
        run(connection, "SELECT pg_notify(%s, '')", [channel(alias)])


def waiting_by_queue(alias: str) -> dict[str, int]:
    """Return how many jobs of a backend wait for a worker, by queue."""
    waiting = Job.objects.filter(state=JobState.READY, delivered_at__isnull=False, backend=alias)
    return dict(waiting.values_list("queue").annotate(Count("id")).order_by())

"""Roll-ups as processes would have written them."""

from datetime import timedelta

from django.db import connection

from taskyard.database import database_time
from taskyard_monitoring.history.histogram import bucket_of
from taskyard_monitoring.history.steps import TEN_SECONDS
from taskyard_monitoring.models import RollUp


def ago(step=TEN_SECONDS, **length):
    """Return the slot in which the moment lies that is so long past."""
    return step.slot_of(database_time(connection) - timedelta(**length))


def add_row(slot, step=TEN_SECONDS, run=(), wait=(), **columns):
    """Put a row into the table; `run` and `wait` are seconds, one for each attempt."""
    usual = {
        **{"process": "ada.1", "worker": "ada", "backend": "default", "engine": "embedded"},
        **{"queue": "default", "task": "tests.example.tasks.nothing"},
    }
    return RollUp.objects.create(
        step=step.seconds,
        slot=slot,
        run_times=histogram(run),
        waits=histogram(wait),
        **{**usual, **columns},
    )


def histogram(seconds):
    """Return lengths of time as a row holds them."""
    counts = {}
    for each in seconds:
        counts[bucket_of(each)] = counts.get(bucket_of(each), 0) + 1
    return counts

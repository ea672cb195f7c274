"""Deleting rows whose time is over, a few at a time."""

from taskyard.database import DatabaseNow, jobs_alias
from taskyard_monitoring.models import RollUp

from .steps import STEPS, Step

BATCH = 500
MOST_BATCHES = 20
"""Of each step in one go; the rest is left to the next."""


def prune() -> int:
    """Delete rows that no chart shows any more, and return how many."""
    return sum(_prune(step) for step in STEPS)


def _prune(step: Step) -> int:
    rows = RollUp.objects.using(jobs_alias())
    # In order, or PostgreSQL goes through the table, expecting to meet enough of them soon.
    old = rows.filter(step=step.seconds, slot__lt=DatabaseNow() - step.kept).order_by("slot")
    deleted = 0
    for _ in range(MOST_BATCHES):
        batch = list(old.values_list("pk", flat=True)[:BATCH])
        if batch:
            deleted += rows.filter(pk__in=batch).delete()[0]
        if len(batch) < BATCH:
            break
    return deleted

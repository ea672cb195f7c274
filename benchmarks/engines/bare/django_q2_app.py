"""Django-Q2 by itself; its settings are Q_CLUSTER."""

import sys

from django.db import transaction
from django_q.tasks import async_task

from benchmarks.engines import effects

WORKERS = [[sys.executable, "-m", "django", "qcluster"]]

NO_OP = f"{__name__}.no_op"


def no_op():
    """Leave a line."""
    effects.leave_line()


def one_by_one(count: int) -> None:
    """Enqueue no-ops."""
    for _ in range(count):
        async_task(NO_OP)


def in_bulk(count: int) -> None:
    """Enqueue no-ops in one transaction: the most that Django-Q2 does for many of them."""
    with transaction.atomic():
        one_by_one(count)


def settle() -> None:
    """Nothing is recorded."""

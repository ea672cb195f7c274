"""Telling of what happens to a job while no attempt at it runs."""

from typing import Any

from django.dispatch import Signal

from .compat import InvalidTaskBackend
from .models import Job
from .run import prepare


def announce(signal: Signal, job: Job, **named: Any) -> None:
    """Send one of Taskyard's signals about a job as its row is now; costs nothing where nobody listens.

    A job whose backend or task is no longer there cannot be shown, and nothing is sent.
    """
    if not signal.receivers:
        return
    try:
        run = prepare(job)
    except InvalidTaskBackend:
        return
    if run.result is not None:
        signal.send_robust(sender=type(run.backend), task_result=run.result, **named)

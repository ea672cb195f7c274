"""What is the same in every process that runs jobs with Celery, forked or not."""

import os
import socket
from typing import TYPE_CHECKING

from celery.exceptions import Reject  # type: ignore[import-untyped]

from taskyard.backend import WorkerOptions
from taskyard_workers.consumer import Consumer

from .endings import ending

if TYPE_CHECKING:
    from .backend import CeleryBackend


def node_name(backend: "CeleryBackend", options: WorkerOptions) -> str:
    """Return what Celery's tools call this process; no two may share a name."""
    return f"{options.name or backend.alias}.{os.getpid()}@{socket.gethostname()}"


def run_message(consumer: Consumer, message: object) -> str | None:
    """Run a message's job to its recorded end, and return what Celery's tools are to be told of it.

    Raises:
        Reject: for Celery to put the message back, because this process is stopping.
    """
    handled = consumer.run(message)
    if not handled.is_done:
        raise Reject("this process is stopping, the message is another's", requeue=True)
    return ending(handled.outcome)

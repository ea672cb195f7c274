"""Workers that die in the middle of their work."""

import os
import signal
import socket
from contextlib import suppress

from taskyard_workers.models import WorkerProcess


def kill_a_worker_of(backend: str) -> str:
    """Kill a worker of a backend with all of its processes, as a lost machine would; returns its id.

    Raises:
        LookupError: where there is none on this machine.
    """
    alive = WorkerProcess.objects.filter(backend=backend, lost_at=None, host=socket.gethostname())
    for process in alive.order_by("-beat_at"):
        with suppress(ProcessLookupError):
            os.killpg(os.getpgid(process.pid), signal.SIGKILL)
            return process.id
    raise LookupError(f"No worker of {backend} runs on this machine.")

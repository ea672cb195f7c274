"""Which processes belong together: those of one `manage.py worker`.

The environment carries the group's id to the children, forked or not, and to the process that takes this
one's place.
"""

import os
import socket
from uuid import uuid4

_VARIABLE = "TASKYARD_WORKER_GROUP"


def begin_group(name: str = "") -> str:
    """Return this process's group: its parent's, or a new one that its own children will belong to.

    Args:
        name: what operators call the worker; "": host and process id.
    """
    name = name or f"{socket.gethostname()}:{os.getpid()}"
    return os.environ.setdefault(_VARIABLE, f"{name[:80]}.{uuid4().hex[:12]}")


def current_group() -> str:
    """Return this process's group; "" where it runs under no command of ours."""
    return os.environ.get(_VARIABLE, "")

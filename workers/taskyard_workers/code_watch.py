"""For development: start the worker anew when code changes, its running jobs finished first.

Django's own reloader watches the files; but where it ends the process on the spot, a worker is asked to
make room for a fresh process, as at any other limit.
"""

import os
import threading
from pathlib import Path
from typing import Any

from django.utils import autoreload

from .shutdown import REPLACE


def replace_on_change() -> None:
    """Watch the site's code on a thread of its own; a change asks this process to be replaced."""
    autoreload.file_changed.connect(_on_change, weak=False)
    reloader = autoreload.get_reloader()
    threading.Thread(target=reloader.run_loop, name="taskyard-code-watch", daemon=True).start()


def _on_change(file_path: Path, **_: Any) -> bool:
    if file_path.suffix == ".py":
        os.kill(os.getpid(), REPLACE)
    return True  # handled: Django's reloader does not end the process itself

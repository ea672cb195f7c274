"""Start the site's commands as somebody at a terminal would."""

import os
import subprocess
import sys

from django.conf import settings


def start(command: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """Start a management command of the site in a process of its own; its output is one stream."""
    imports = {
        "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    return subprocess.Popen(
        [sys.executable, str(settings.PROJECT / "manage.py"), command, *arguments],
        env={**os.environ, **imports, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )

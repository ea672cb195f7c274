"""What worker and dispatcher show on the terminal where the site says nothing about logging."""

import logging

from django.conf import settings

from taskyard.compat import TASKS_LOGGER


def log_unless_configured(verbosity: int) -> None:
    """Show what a process logs on a site that has set up no logging for it.

    Args:
        verbosity: 0 nothing, 1 what happens, 2 and above all the rest.
    """
    if not verbosity:
        return
    for name in ("taskyard", "taskyard_workers", "taskyard_adapters", "taskyard_monitoring", TASKS_LOGGER):
        unconfigured = logging.getLogger(name)
        if not _is_shown(unconfigured):
            handler = logging.StreamHandler()
            handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
            unconfigured.addHandler(handler)
            unconfigured.setLevel(logging.INFO if verbosity == 1 else logging.DEBUG)


def _is_shown(given: logging.Logger) -> bool:
    if given.name.startswith("django.") and not (settings.DEBUG or settings.LOGGING):
        # The handlers there are Django's own: one is silent without DEBUG, one writes to the admins.
        return bool(logging.root.handlers)
    return given.hasHandlers()

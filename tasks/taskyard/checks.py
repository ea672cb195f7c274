"""System checks: what is wrong with a site's settings, and what to do."""

from typing import Any

from django.core import checks
from django.db import connections, router


@checks.register
def check_sqlite(**_: Any) -> list[checks.CheckMessage]:
    """Warn of SQLite settings under which web processes and workers lock each other out."""
    from .models import Job  # noqa: PLC0415

    alias = router.db_for_write(Job)
    settings = connections.settings[alias]
    if not settings["ENGINE"].endswith(("sqlite3", "spatialite")):
        return []
    options = settings.get("OPTIONS", {})
    faults = []
    if str(options.get("transaction_mode")).upper() not in {"IMMEDIATE", "EXCLUSIVE"}:
        faults.append('"transaction_mode": "IMMEDIATE"')
    if "wal" not in str(options.get("init_command", "")).lower():
        faults.append('"init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"')
    if not faults:
        return []
    return [
        checks.Warning(
            f'The SQLite database {alias!r} answers "database is locked" once a worker runs beside the site.',
            hint=f"Put {' and '.join(faults)} in DATABASES[{alias!r}]['OPTIONS'], or leave those keys out.",
            id="taskyard.W001",
        )
    ]

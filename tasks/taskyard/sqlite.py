"""SQLite for several processes at once.

Out of the box a web process and a worker on one SQLite file run into "database is locked": a
transaction that reads first and then writes cannot wait for its turn, it fails at once. Three settings
end that, all of them Django's own (see its notes on SQLite): write-ahead logging, so that readers and
the one writer do not block each other; IMMEDIATE transactions, which take their turn at the start,
where waiting works; and a patient timeout. They are filled in where the site has not said otherwise.
"""

from typing import Any

from django.db import connections

DEFAULT_OPTIONS: dict[str, Any] = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 30,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
}


def prepare_databases() -> None:
    """Complete the OPTIONS of every SQLite database; what the site has set stays as it is."""
    for settings in connections.settings.values():
        if settings["ENGINE"].endswith(("sqlite3", "spatialite")):
            options = settings.setdefault("OPTIONS", {})
            for name, value in DEFAULT_OPTIONS.items():
                options.setdefault(name, value)

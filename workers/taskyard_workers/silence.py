"""Noticing that PostgreSQL is not there any more, where nothing says so.

A cable that is cut, a firewall that drops packets or a server that moved away tell a connection nothing. Left
to itself it waits for minutes, some for hours, and with it the thread that uses it: no sign of life gets
through, and no new connection is tried long after one would be answered.
"""

from django.db import connections

PATIENCE = 15
"""Seconds of silence after which a connection is given up: two fit well into those after which a worker is
taken for dead."""

OPTIONS = {
    "connect_timeout": PATIENCE,
    "tcp_user_timeout": PATIENCE * 1000,
    "keepalives_idle": PATIENCE,
    "keepalives_interval": PATIENCE // 3,
    "keepalives_count": 3,
}
"""As the driver calls them. The second is for what was sent and not acknowledged, the others for a connection
that only listens; systems that have no such limits leave them aside."""


def notice_silence() -> None:
    """Have this process's connections to PostgreSQL notice silence, where OPTIONS do not say when."""
    for alias, database in connections.settings.items():
        connection, given = connections[alias], database["OPTIONS"]
        if connection.vendor == "postgresql" and "service" not in given:  # a file has its own
            database["OPTIONS"] = {**OPTIONS, **given}
            if not connection.in_atomic_block:  # as in a test that calls the command
                connection.close()

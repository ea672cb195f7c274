"""The database connections of a process's own threads: for claims, outcomes, heartbeats and the like."""

from django.db import connections


def keep_connections() -> None:
    """Keep this thread's connections, whatever CONN_MAX_AGE says, but for those that an error has broken.

    To be called between two rounds of work, where a thread that served requests would call Django's
    `close_old_connections`. CONN_MAX_AGE is made for threads that may never see another request; ours live as
    long as the process, and with the usual 0 each claim would open a connection of its own. A connection that
    is lent by a pool goes back all the same, since others may need it.
    """
    for connection in connections.all(initialized_only=True):
        if not connection.settings_dict["OPTIONS"].get("pool"):
            connection.close_at = None
        connection.close_if_unusable_or_obsolete()

"""Connection pools of the database's driver, which are for web processes."""

from typing import Any

from django.db import connections


def use_no_pools() -> None:
    """Give each thread of this process a connection of its own, whatever pool the site has for its requests.

    A worker's threads keep their connections, so a pool would save it nothing; and where it is smaller than
    they are many, the worker would wait for itself: without a sign of life, and its jobs would run twice.
    """
    for alias, database in connections.settings.items():
        if database["OPTIONS"].get("pool"):
            connection: Any = connections[alias]
            connection.close()
            connection.close_pool()
            del database["OPTIONS"]["pool"]

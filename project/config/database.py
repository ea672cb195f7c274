"""Where the shop keeps its data: an SQLite file, unless SHOP_DATABASE_URL names a PostgreSQL server.

postgresql://user:password@host:port/name; what has odd characters in it is percent-encoded, as in any URL.
"""

import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

URL = os.environ.get("SHOP_DATABASE_URL", "")


def database(folder: Path) -> dict[str, Any]:
    """Return the database as DATABASES wants it; an SQLite file lies in the folder."""
    if not URL:
        return _sqlite(os.environ.get("TASKYARD_DEMO_DB", folder / "shop.sqlite3"))
    parts = urlsplit(URL)
    if parts.scheme != "postgresql":
        raise ImproperlyConfigured(
            "SHOP_DATABASE_URL must begin with postgresql://, such as postgresql://shop:secret@db:5432/shop. "
            "Leave it out for SQLite."
        )
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        # Under ASGI a connection that outlives its request stays behind with a thread: none does.
        # Where connecting is slow, let the driver keep a pool: "OPTIONS": {"pool": True}.
        "CONN_MAX_AGE": 0,
    }


def _sqlite(name: str | Path) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": name,
        "OPTIONS": {
            # Web process and worker write to one file: WAL lets readers go on meanwhile, and taking
            # the write lock when a transaction begins makes writers queue instead of failing midway.
            "transaction_mode": "IMMEDIATE",
            "timeout": 30,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }

"""How the shop sends mail: into files, unless SHOP_MAIL_URL names a server.

smtp://user:password@host:port, or smtps:// for TLS from the first byte; what has odd characters in it is
percent-encoded, as in any URL.
"""

import os
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

URL = os.environ.get("SHOP_MAIL_URL", "")

BACKEND = "django.core.mail.backends.smtp.EmailBackend" if URL else "shop.mail_files.MailFiles"

PORTS = {"smtp": 25, "smtps": 465}

PATIENCE = 20
"""Seconds after which a server that does not answer counts as away."""


def options() -> dict[str, Any]:
    """Return what the backend is told, as Django's MAILERS want it; nothing where mails become files."""
    if not URL:
        return {}
    parts = urlsplit(URL)
    if parts.scheme not in PORTS or not parts.hostname:
        raise ImproperlyConfigured(
            "SHOP_MAIL_URL must begin with smtp:// or smtps:// and name a host, such as "
            "smtp://shop:secret@mail:25. Leave it out to have each mail written to a file."
        )
    return {
        "host": parts.hostname,
        "port": parts.port or PORTS[parts.scheme],
        "username": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "use_ssl": parts.scheme == "smtps",
        "timeout": PATIENCE,
    }

"""By which names the shop lets itself be asked: Django's ALLOWED_HOSTS."""

import os
import socket
from urllib.parse import urlsplit

SELF = "self"
"""Stands in SHOP_HOSTS for this machine's addresses: Prometheus asks each of several replicas by its own."""


def allowed(url: str) -> list[str]:
    """Return the host of the site's address, and those that SHOP_HOSTS names."""
    named = [host for host in os.environ.get("SHOP_HOSTS", "").split(",") if host]
    own = _own_addresses() if SELF in named else []
    return [host for host in (urlsplit(url).hostname, *named, *own) if host and host != SELF]


def _own_addresses() -> list[str]:
    found = socket.getaddrinfo(socket.gethostname(), None, type=socket.SOCK_STREAM)
    return sorted(
        {f"[{address[0]}]" if family == socket.AF_INET6 else str(address[0]) for family, *_, address in found}
    )

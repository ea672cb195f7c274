"""The demo's broker: the one that is there, or one of its own."""

import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from config import engines
from shop.processes import running

from .errors import DemoError

OWN_BROKER = "SHOP_OWN_BROKER"
"""Set for a demo that has to start the broker that SHOP_BROKER_URL names."""


def environment() -> dict[str, str]:
    """Return what a demo must find in its environment: a broker that answers, or one to start."""
    if not engines.needs_broker() or _answers(engines.BROKER_URL):
        return {}
    if shutil.which("redis-server") is None:
        raise DemoError(
            f"The engine {engines.NAME!r} needs a broker: nothing answers at {engines.BROKER_URL}, and "
            "there is no redis-server to start. Install it (Debian: apt-get install redis-server) or set "
            "SHOP_BROKER_URL."
        )
    return {"SHOP_BROKER_URL": f"redis://127.0.0.1:{_free_port()}/0", OWN_BROKER: "1"}


@contextmanager
def broker(folder: Path) -> Iterator[None]:
    """Run a broker of the demo's own inside the block, where it needs one."""
    if OWN_BROKER not in os.environ:
        yield
        return
    port = str(urlsplit(engines.BROKER_URL).port)
    command = ["redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
    with running("broker", command, log=folder / "broker.log"):
        yield


def _answers(url: str) -> bool:
    parts = urlsplit(url)
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex((parts.hostname or "127.0.0.1", parts.port or 6379)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

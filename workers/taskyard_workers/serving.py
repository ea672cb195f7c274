"""A port of a worker's own, on which it tells how it does: `--metrics`.

Who serves it is none of this package's business: `taskyard_monitoring` says that it does, where it is
installed.
"""

import argparse
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import NamedTuple

from django.core.management.base import CommandError, CommandParser

LOOPBACK = "127.0.0.1"


class Address(NamedTuple):
    """Where to listen."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


Serve = Callable[[Address, str | None], AbstractContextManager[None]]
"""Serves, within a block, what the processes that are started in it count, and whether they are healthy.

Takes the address, and the group of the worker processes; None: it is a dispatcher, which is in no register.
Raises OSError where the address cannot be had.
"""

_chosen: list[Serve] = []


def serve_with(serve: Serve) -> None:
    """Have `--metrics` served by this from now on."""
    _chosen[:] = [serve]


def add_option(parser: CommandParser) -> None:
    """Declare `--metrics`."""
    parser.add_argument(
        "--metrics",
        type=_address,
        metavar="[HOST:]PORT",
        help="Serve /metrics for Prometheus and /healthz there, from a parent process (host: 127.0.0.1).",
    )


@contextmanager
def served(address: Address | None, group: str | None) -> Iterator[None]:
    """Serve a worker's own port for as long as the block runs; nothing where no address is given.

    Raises:
        CommandError: where nothing is installed that serves it, or the address cannot be had.
    """
    with ExitStack() as stack:
        if address is not None:
            try:
                stack.enter_context(_serve()(address, group))
            except OSError as error:
                raise CommandError(
                    f"--metrics: {address} cannot be listened on: {error.strerror or error}. Stop what "
                    "listens there or choose another port."
                ) from error
        yield


def _serve() -> Serve:
    if not _chosen:
        raise CommandError(
            '--metrics: nothing here serves them. Add "taskyard_monitoring" to INSTALLED_APPS and run: '
            'pip install "django-taskyard[monitoring]"'
        )
    return _chosen[0]


def _address(text: str) -> Address:
    host, colon, port = text.rpartition(":")
    host = host.strip("[]") if colon else LOOPBACK
    if not host or not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no port (1 to 65535), nor a host and a port such as 0.0.0.0:9191"
        )
    return Address(host, int(port))

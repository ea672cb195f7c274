"""`python -m compose.stack up`: everything, until Ctrl-C."""

import argparse
import asyncio
import fcntl
import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from . import leftovers, telling
from .layout import Layout, lay_out
from .process import FailedToStart
from .reading import ComposeError
from .site import Site
from .stack import Stack

STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

FAILED, INTERRUPTED = 1, 130


def declare(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("up", help="run all services until Ctrl-C")
    parser.add_argument(
        "--profiles",
        metavar="NAMES",
        help="the engines, with commas between them (default: COMPOSE_PROFILES, or all)",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Bring the stack up, wait, and stop it; returns the exit code."""
    data = options.data.resolve()
    data.mkdir(parents=True, exist_ok=True)
    given = {"COMPOSE_PROFILES": options.profiles} if options.profiles else {}
    with alone_in(data):
        if left := leftovers.end(data):
            telling.tell(f"An earlier stack was killed and had left {left} services; they are killed, too.")
        return asyncio.run(_run(lay_out(data, given)))


@contextmanager
def alone_in(data: Path) -> Iterator[None]:
    """Let no other stack use this folder meanwhile.

    Raises:
        ComposeError: where one does.
    """
    with (data / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ComposeError(
                f"A stack runs in {data} already. Stop it, or choose another folder: --data FOLDER"
            ) from None
        yield


async def _run(layout: Layout) -> int:
    stack, site = Stack(layout, telling.tell), Site.of(layout)
    stopping = asyncio.Event()
    for number in STOP:
        asyncio.get_running_loop().add_signal_handler(number, _stop, stack, stopping)
    telling.tell(f"Starting {', '.join(layout.services)}.")
    code, jobs = FAILED, dict[str, int]()
    try:
        with site.announced(layout.data):
            code = await _up_until(stopping, stack, site)
    finally:
        telling.tell("Stopping.")
        # Where it never came up, there may be no database to ask.
        endings = await stack.down(between=lambda: None if code else jobs.update(site.jobs_by_state()))
        telling.the_end(endings, jobs)
    return code or int(not all(each.is_clean for each in endings) or "RUNNING" in jobs)


async def _up_until(stopping: asyncio.Event, stack: Stack, site: Site) -> int:
    """Bring the stack up, and wait until it is to stop; returns the exit code so far."""
    told = asyncio.create_task(stopping.wait())
    up = asyncio.create_task(_up(stack, site))
    await asyncio.wait({up, told}, return_when=asyncio.FIRST_COMPLETED)
    if not up.done():
        up.cancel()
        await asyncio.gather(up, return_exceptions=True)
        return INTERRUPTED
    try:
        await up
    except FailedToStart as error:
        told.cancel()
        telling.tell(str(error))
        return FAILED
    await told
    return 0


async def _up(stack: Stack, site: Site) -> None:
    await stack.up()
    password = secrets.token_urlsafe(9)
    await asyncio.to_thread(site.sign_up, password)
    telling.addresses(stack.layout, password)


def _stop(stack: Stack, stopping: asyncio.Event) -> None:
    """Begin to stop; who is asked a second time waits for nobody."""
    if stopping.is_set():
        stack.kill()
    stopping.set()

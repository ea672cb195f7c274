"""Published ports: connections to a port of 127.0.0.1 are passed on to a service, as Docker does."""

import asyncio
from contextlib import AsyncExitStack, suppress

from .addresses import LOOPBACK

AT_ONCE = 64 * 1024
"""Bytes."""


async def publish(stack: AsyncExitStack, port: int, host: str, target: int) -> None:
    """Pass connections on for as long as the stack of contexts is open.

    Raises:
        OSError: where somebody else listens on the port.
    """

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection(host, target)
        except OSError:
            writer.close()
            return
        try:
            await asyncio.gather(_pass_on(reader, back), _pass_on(there, writer))
        finally:
            writer.close()
            back.close()

    server = await asyncio.start_server(connected, LOOPBACK, port)
    stack.callback(server.close)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    # Whichever side goes, the other learns of it by the end of what it reads.
    with suppress(OSError):
        while piece := await reader.read(AT_ONCE):
            writer.write(piece)
            await writer.drain()
    with suppress(OSError):
        writer.write_eof()

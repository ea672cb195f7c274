"""Many connections that ask again as soon as they are answered: `python -m benchmarks.load ADDRESS …`.

Prints JSON. What is measured begins once every connection has been answered, so that a queue is as long as it
is going to be.
"""

import argparse
import asyncio
import json
import subprocess
import sys
from contextlib import suppress
from time import perf_counter
from urllib.parse import urlsplit

from benchmarks.databases import ROOT

LONGEST_WARM_UP = 20.0
"""Seconds."""


def load(address: str, connections: int, seconds: float) -> subprocess.Popen:
    """Start asking, in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", __name__, address, str(connections), str(seconds)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )


class Load:
    """All the connections together."""

    def __init__(self, address: str, connections: int) -> None:
        parts = urlsplit(address)
        self._where = (parts.hostname, parts.port)
        self._question = f"GET {parts.path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        self._connections = connections
        self._warm = asyncio.Event()
        self._answered: set[int] = set()
        self._taken: list[float] = []
        self._failed = 0

    async def measure(self, seconds: float) -> dict[str, float]:
        """Ask until all were answered, and then for so many seconds."""
        tasks = [asyncio.create_task(self._keep_asking(number)) for number in range(self._connections)]
        with suppress(TimeoutError):
            await asyncio.wait_for(self._warm.wait(), LONGEST_WARM_UP)
        self._taken.clear()
        self._failed = 0
        started = perf_counter()
        await asyncio.sleep(seconds)
        passed, taken = perf_counter() - started, sorted(self._taken)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return {
            "rate": len(taken) / passed,
            "p50": taken[len(taken) // 2] * 1e3 if taken else float("nan"),
            "p99": taken[int(len(taken) * 0.99)] * 1e3 if taken else float("nan"),
            "failed": self._failed,
        }

    async def _keep_asking(self, number: int) -> None:
        while True:
            try:
                await self._ask_on_one_connection(number)
            except OSError:
                self._failed += 1
                await asyncio.sleep(0.05)

    async def _ask_on_one_connection(self, number: int) -> None:
        reader = writer = None
        try:
            stays = True
            while stays:
                started = perf_counter()
                if writer is None:
                    reader, writer = await asyncio.open_connection(*self._where)
                writer.write(self._question)
                head = await reader.readuntil(b"\r\n\r\n")
                stays = await self._read_rest(reader, head.lower())
                self._taken.append(perf_counter() - started)
                self._answered.add(number)
                if len(self._answered) == self._connections:
                    self._warm.set()
        except asyncio.IncompleteReadError:
            # The server closed a connection that it had kept for the next question.
            pass
        finally:
            if writer is not None:
                writer.close()

    async def _read_rest(self, reader: asyncio.StreamReader, head: bytes) -> bool:
        """Read the body, and tell whether the connection stays."""
        status = head.split(b" ", 2)[1]
        if status != b"200":
            self._failed += 1
        length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length))
        return b"connection: close" not in head


def main() -> None:
    """Ask, and print what came of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("connections", type=int)
    parser.add_argument("seconds", type=float)
    options = parser.parse_args()

    async def measure() -> dict[str, float]:
        return await Load(options.address, options.connections).measure(options.seconds)

    json.dump(asyncio.run(measure()), sys.stdout)


if __name__ == "__main__":
    main()

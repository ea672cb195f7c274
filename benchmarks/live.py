"""What it costs to watch: thousands of open pages on one process, each of which follows a running job.

    python -m benchmarks.live [--watchers 1,100,2000] [--seconds 10] [--setups sqlite,postgresql,redis]

A real server, real connections. Jobs say how far they are, one commit after another; the latency is how long
it takes until the page that follows the job hears of it. On SQLite the server looks each second, on
PostgreSQL NOTIFY wakes it, and in the setup `redis` a channel layer does, with the jobs in PostgreSQL.
"""

import argparse
import asyncio
import itertools
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.databases import ROOT, database
from tests.support import servers
from tests.support.servers import free_port, stop, wait_until

SETUPS = ("sqlite", "postgresql", "redis")

COMMITS_A_SECOND = 50

AT_ONCE = 50
"""Pages that are opened side by side."""

Figures = dict[str, float]


class Server:
    """The process that is watched through."""

    def __init__(self, stack: ExitStack) -> None:
        self.port = free_port()
        log = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "uvicorn", "tests.monitoring.live.site:application"),
                *("--port", str(self.port), "--log-level", "warning", "--backlog", "1024"),
            ],
            cwd=ROOT,
            stdout=log,
            stderr=log,
        )
        stack.callback(stop, self._process)
        wait_until(self._answers, "the server answers", 60)

    def _answers(self) -> object:
        try:
            return self.cost()
        except OSError:
            return None

    def cost(self) -> dict[str, Any]:
        """Return what the site tells of itself."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/cost/", timeout=60) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    @property
    def memory(self) -> int:
        """Bytes that the process occupies."""
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        return pages * resource.getpagesize()

    @property
    def processor_time(self) -> float:
        """Seconds that the process has kept a processor busy."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Pages:
    """Open pages, one for each job."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: list[asyncio.Task[None]] = []
        self.latencies: list[float] = []
        """Seconds from a commit to its arrival, one for each that has arrived."""

    async def open(self, jobs: list[str]) -> None:
        """Open a page for each of these jobs, and wait until it shows how the job is."""
        entrance = asyncio.Semaphore(AT_ONCE)

        async def open_one(job: str) -> None:
            async with entrance:
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                writer.write(f"GET /live/events/?jobs={job} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                await reader.readuntil(b"event: job\n")
                self._writers.append(writer)
                self._tasks.append(asyncio.create_task(self._follow(reader)))

        await asyncio.gather(*map(open_one, jobs))

    async def _follow(self, reader: asyncio.StreamReader) -> None:
        while True:
            line = await reader.readline()
            if line.startswith(b"data: "):
                progress = json.loads(line[6:]).get("progress")
                if progress and progress["message"]:
                    self.latencies.append((time.monotonic_ns() - int(progress["message"])) / 1e9)

    def close(self) -> None:
        """Close all pages."""
        for task in self._tasks:
            task.cancel()
        for writer in self._writers:
            writer.close()


def go_on(jobs: list[str], stopped: threading.Event) -> None:
    """Let one job after the other say how far it is, as a worker does."""
    from django.db import connection  # noqa: PLC0415 - Django is set up first

    from taskyard.models import Job  # noqa: PLC0415
    from taskyard_monitoring.live.telling import teller  # noqa: PLC0415

    due = time.monotonic()
    for number, job in enumerate(itertools.cycle(jobs)):
        due += 1 / COMMITS_A_SECOND
        if stopped.wait(max(0.0, due - time.monotonic())):
            break
        # The message is the time of the commit, but for the statement itself.
        news = {"done": number, "total": None, "message": str(time.monotonic_ns())}
        Job.objects.filter(pk=job).update(progress=news)
        teller.tell()
    connection.close()


async def warm_up(server: Server, jobs: list[str]) -> None:
    """Have the server load what it needs at all, and start its threads: no watcher costs that."""
    pages = Pages(server.port)
    await pages.open(jobs)
    pages.close()
    await asyncio.to_thread(wait_until, lambda: not server.cost()["is_running"], "nobody looks any more")


async def measure_with(server: Server, jobs: list[str], seconds: float) -> Figures:
    """Measure with a page for each of these jobs."""
    pages, stopped = Pages(server.port), threading.Event()
    empty = server.memory
    await pages.open(jobs)
    full = server.memory
    working = asyncio.create_task(asyncio.to_thread(go_on, jobs, stopped))
    await asyncio.sleep(2)  # until it runs evenly
    before, worked_before, begun = server.cost(), server.processor_time, time.monotonic()
    pages.latencies.clear()
    await asyncio.sleep(seconds)
    after, worked, took = server.cost(), server.processor_time - worked_before, time.monotonic() - begun
    latencies = sorted(pages.latencies)
    stopped.set()
    await working
    pages.close()
    statements = sum(after["statements"]) - sum(before["statements"])
    return {
        "statements a second": statements / took,
        "looks a second": (after["ticks"] - before["ticks"]) / took,
        "arrivals a second": len(latencies) / took,
        "latency p50, ms": latencies[len(latencies) // 2] * 1000,
        "latency p99, ms": latencies[len(latencies) * 99 // 100] * 1000,
        "server's processor, %": worked / took * 100,
        "memory a watcher, kB": (full - empty) / len(jobs) / 1000,
    }


def measure(numbers: list[int], seconds: float) -> dict[int, Figures]:
    """Measure on the database that the environment names, with so many watchers each."""
    import django  # noqa: PLC0415

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from taskyard.models import Job  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    now = timezone.now()
    running = {
        "state": "RUNNING",
        "delivered_at": now,
        "started_at": now,
        "last_attempted_at": now,
        "attempt": 1,
    }
    jobs = Job.objects.bulk_create(
        Job(
            task="tests.example.tasks.nothing",
            backend="default",
            queue="default",
            priority=0,
            enqueued_at=now,
            worker="bench",
            **running,
        )
        for _ in range(max(numbers))
    )
    keys = [str(job.pk) for job in jobs]
    figures = {}
    for number in numbers:
        with ExitStack() as stack:  # a server for each: memory that was used once is seldom given back
            server = Server(stack)
            asyncio.run(warm_up(server, keys[:AT_ONCE]))
            figures[number] = asyncio.run(measure_with(server, keys[:number], seconds))
    return figures


@contextmanager
def environment(setup: str) -> Iterator[dict[str, str]]:
    """Run what a setup needs; yields what leads there."""
    with ExitStack() as stack:
        address = stack.enter_context(database("sqlite" if setup == "sqlite" else "postgresql"))
        redis = stack.enter_context(servers.redis()).address if setup == "redis" else ""
        yield {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.monitoring.live.settings",
            "TASKYARD_TEST_DATABASE": address,
            "TASKYARD_TEST_LOG": "ERROR",
            "TEST_CHANNELS": redis,
            "TEST_OPEN": "1",
        }


def measure_all(setups: list[str], numbers: list[int], seconds: float) -> dict[str, dict[str, Figures]]:
    """Measure each setup, in a process of its own because Django's settings are read once."""
    figures = {}
    for setup in setups:
        with environment(setup) as variables:
            arguments = ["--watchers", ",".join(map(str, numbers)), "--seconds", str(seconds)]
            ended = subprocess.run(
                [sys.executable, "-m", "benchmarks.live", "--here", *arguments],
                env=variables,
                cwd=ROOT,
                stdout=subprocess.PIPE,
                check=True,
            )
        figures[setup] = json.loads(ended.stdout)
    return figures


def text(figures: dict[str, dict[str, Figures]]) -> str:
    """Return a table: a column for each setup and number of watchers."""
    columns = [
        (f"{setup} {int(number):,}", found)
        for setup, by_number in figures.items()
        for number, found in by_number.items()
    ]
    lines = [" " * 24 + "".join(f"{title:>18}" for title, _ in columns)]
    lines += [
        f"{name:<24}" + "".join(f"{found[name]:>18,.1f}" for _, found in columns) for name in columns[0][1]
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.live")
    parser.add_argument("--watchers", default="1,100,2000")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--setups", default=",".join(SETUPS))
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    numbers = [int(number) for number in options.watchers.split(",")]
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if options.here:
        print(json.dumps(measure(numbers, options.seconds)))
        return
    print(text(measure_all(options.setups.split(","), numbers, options.seconds)))


if __name__ == "__main__":
    main()

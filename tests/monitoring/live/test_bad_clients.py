"""Clients that read slowly, or not at all, and very many of them: each costs what it may and no more."""

import asyncio
import resource
import socket
import threading
from contextlib import suppress

import pytest
from django.db import connection

from taskyard.models import Job
from taskyard.states import JobState
from tests.support.servers import wait_until
from tests.tasks.jobs import add_job

MANY = 5_000


class Sluggish:
    """A client with little room for what it does not read."""

    def __init__(self, port, path, cookie, seconds_a_byte=None):
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.connect(("127.0.0.1", port))
        self._socket.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n".encode())
        self._closed = threading.Event()
        if seconds_a_byte:
            threading.Thread(target=self._read, args=[seconds_a_byte], daemon=True).start()

    def _read(self, pause):
        with suppress(OSError):
            while not self._closed.wait(pause):
                self._socket.recv(1)

    def close(self):
        """Go away."""
        self._closed.set()
        self._socket.close()


@pytest.mark.parametrize("seconds_a_byte", [None, 1.0], ids=["reads nothing", "a byte a second"])
def test_who_does_not_take_what_is_sent_is_dropped(serve, viewer, request, seconds_a_byte):
    site = serve({"watcher.PATIENCE": 1.0, "watcher.TICK": 0.1, "jobs.LONGEST_MESSAGE": 20_000})
    jobs = [add_job() for _ in range(100)]
    query = f"jobs={','.join(str(job.pk) for job in jobs)}"
    slow = Sluggish(site.port, f"/live/events/?{query}", viewer, seconds_a_byte)
    request.addfinalizer(slow.close)
    site.wait_for_listeners(1)
    quick = site.listen(f"jobs={jobs[0].pk}", viewer)
    site.wait_for_listeners(2)
    tasks = site.cost()["tasks"]

    done = 0

    def goes_on():
        nonlocal done
        done += 1
        news = {"done": done, "total": None, "message": "x" * 20_000}
        Job.objects.filter(pk__in=[job.pk for job in jobs]).update(state=JobState.RUNNING, progress=news)
        return site.cost()["listeners"] == 1

    wait_until(goes_on, "only who reads is still there", 60)

    assert "has taken nothing for 1 s and is dropped" in site.log
    assert site.log.count("and is dropped") == 1
    wait_until(lambda: site.cost()["tasks"] < tasks, "nothing is left of who was dropped")
    news = {"done": -7, "total": None, "message": ""}
    Job.objects.filter(pk=jobs[0].pk).update(progress=news)
    assert quick.next("job", progress=news)


@pytest.mark.busy
def test_five_thousand_clients_are_all_told_and_cost_the_database_what_one_does(serve):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2 * MANY:
        pytest.skip(f"this machine lets a process have {hard} files open, and both ends need {MANY}")
    soft_before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (2 * MANY, hard))
    try:
        site = serve({}, "--backlog", "1024", TEST_OPEN="1")
        jobs = [add_job(JobState.RUNNING) for _ in range(50)]
        asyncio.run(_all_are_told(site, [str(job.pk) for job in jobs]))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, soft_before)


def _finish(jobs):
    Job.objects.filter(pk__in=jobs).update(state=JobState.SUCCESSFUL)
    connection.close()


async def _all_are_told(site, jobs):
    entrance = asyncio.Semaphore(100)

    async def open_page(job):
        async with entrance:
            reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
            writer.write(f"GET /live/events/?jobs={job} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            await reader.readuntil(b'"state":"running"')
        return reader, writer

    async def is_told(reader):
        await reader.readuntil(b'"state":"successful"')

    async with asyncio.timeout(240):
        first = await open_page(jobs[0])
        await asyncio.to_thread(site.wait_for_ticks, 3)
        for_one = max((await asyncio.to_thread(site.cost))["statements"][:-1])
        others = await asyncio.gather(*[open_page(jobs[number % len(jobs)]) for number in range(1, MANY)])
        await asyncio.to_thread(site.wait_for_listeners, MANY)
        cost = await asyncio.to_thread(site.cost)

        assert max(cost["statements"][:-1]) <= for_one
        assert cost["threads"] < 60

        await asyncio.to_thread(_finish, jobs)
        await asyncio.gather(*[is_told(reader) for reader, _ in [first, *others]])
        for _, writer in [first, *others]:
            writer.close()
        await asyncio.to_thread(site.wait_for_listeners, 0)
        assert (await asyncio.to_thread(site.cost))["tasks"] < 50

"""arq's worker of one queue, taught to share its process with those of other queues."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from arq.connections import ArqRedis
from arq.constants import in_progress_key_prefix
from arq.worker import Worker, func

from .publisher import JOB_NAME, serialize

FIRST_POLL = 0.01
"""Seconds to the first look after a queue ran empty; doubles up to the longest while nothing comes."""

LONGEST_POLL = 0.05

FRESH = 0.05
"""Seconds for which a look at the queue's head holds; then a more urgent message may have come."""

WINDOW = 100
"""Entries that one look takes from the queue's head. Those that run stay there: where they fill the window,
it grows."""

LOCK = 30
"""Seconds after which the message of a process that died is another's to take."""

NEVER = 10 * 365 * 24 * 3600.0
"""Seconds, as arq's own limit for a job: the task's policy sets the real one, and the database keeps it."""

NO_LIMIT = 1_000_000
"""As arq's own limits of attempts and of jobs at once: the former are the policy's as well, the latter the
slots'."""

HEALTH_INTERVAL = 5
"""Seconds between two of arq's own signs of health, which `arq --check` reads."""


class Slots:
    """One for each job that may run in the process, whichever queue it comes from.

    Args:
        number: of slots.
        room: says how many more jobs the process wants that has so many in hand.
    """

    def __init__(self, number: int, room: Callable[[int], int]) -> None:
        self._free = asyncio.Semaphore(number)
        self._taken = 0
        self._room = room

    async def take(self, seconds: float) -> bool:
        """Take a slot as soon as there is one, within so many seconds; tell whether it worked."""
        try:
            async with asyncio.timeout(max(seconds, 0.0)):
                await self._free.acquire()
        except TimeoutError:
            return False
        if self._room(self._taken) > 0:
            self._taken += 1
            return True
        self._free.release()
        await asyncio.sleep(max(seconds, 0.0))
        return False

    def give_back(self) -> None:
        """Give a slot back."""
        self._taken -= 1
        self._free.release()


class QueueWorker(Worker):
    """Fetches one queue's messages whenever the process has a free slot.

    Args:
        key: the queue's key in Redis.
        client: this process's connections.
        slots: this process's.
        run: runs a message's job to its end.
        on_contact: called whenever Redis has answered.
    """

    def __init__(
        self,
        key: str,
        client: ArqRedis,
        slots: Slots,
        run: Callable[..., Awaitable[None]],
        on_contact: Callable[[], object],
    ) -> None:
        super().__init__(
            functions=[func(run, name=JOB_NAME, timeout=NEVER)],  # type: ignore[arg-type]
            queue_name=key,
            redis_pool=client,
            handle_signals=False,
            max_jobs=NO_LIMIT,
            queue_read_limit=WINDOW,
            poll_delay=FIRST_POLL,
            max_tries=NO_LIMIT,
            keep_result=0,
            health_check_interval=HEALTH_INTERVAL,
            job_serializer=serialize,
            job_deserializer=client.job_deserializer,
        )
        self.in_progress_timeout_s = LOCK
        self._slots = slots
        self._on_contact = on_contact
        self._starting = asyncio.Lock()
        self._pause = FIRST_POLL

    async def start_jobs(self, job_ids: list[bytes]) -> None:
        """Start the most urgent of these jobs as slots get free, for as long as the look at them holds."""
        self._on_contact()
        fresh_until = time.monotonic() + FRESH
        waiting = await self._not_running(job_ids)
        if not waiting:
            await asyncio.sleep(self._pause)
            self._pause = min(self._pause * 2, LONGEST_POLL)
            return
        self._pause = FIRST_POLL
        for job_id in waiting:
            if not await self._slots.take(fresh_until - time.monotonic()):
                return
            async with self._starting:
                await self._start(job_id)

    async def _start(self, job_id: bytes) -> None:
        """Start one job, where nobody else was faster; its slot is free again at its end."""
        try:
            if self.allow_pick_jobs:
                await super().start_jobs([job_id])
        finally:
            task = self.tasks.get(job_id.decode())
            if task is None:
                self._slots.give_back()
            else:
                task.add_done_callback(lambda _: self._slots.give_back())

    async def _not_running(self, job_ids: list[bytes]) -> list[bytes]:
        """Return those that run nowhere, and look further next time where there was none."""
        here = [each for each in job_ids if each.decode() not in self.tasks]
        locks: list[Any] = await self.pool.mget(map(_lock, here)) if here else []
        waiting = [job_id for job_id, lock in zip(here, locks, strict=True) if lock is None]
        window_is_full = len(job_ids) == self.queue_read_limit and not waiting
        self.queue_read_limit = self.queue_read_limit * 2 if window_is_full else WINDOW
        return waiting

    async def keep_locks(self) -> None:
        """Keep others from taking what runs here."""
        async with self.pool.pipeline(transaction=False) as pipeline:
            for job_id in self.tasks:
                pipeline.pexpire(_lock(job_id.encode()), LOCK * 1000)
            await pipeline.execute()

    async def settled(self) -> None:
        """Return once nothing is being started, and all that was started has ended."""
        async with self._starting:
            tasks = list(self.tasks.values())
        if tasks:
            await asyncio.wait(tasks)


def _lock(job_id: bytes) -> bytes:
    return in_progress_key_prefix.encode() + job_id

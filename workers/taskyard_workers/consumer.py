"""From an engine's message to a job's recorded end: what every adapter's own worker calls."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Protocol, TypeVar

from asgiref.sync import sync_to_async
from django.db import DatabaseError, close_old_connections

from taskyard.database import jobs_alias
from taskyard.execution import run_now
from taskyard.message import BadMessage, Message, decode
from taskyard.models import Job
from taskyard.pauses import set_aside
from taskyard.transitions import Outcome

from .claimer import Claimer
from .event_loop import LoopThread
from .interruption import InterruptibleCoroutine
from .live import Live
from .process import JobProcess

T = TypeVar("T")

logger = logging.getLogger(__name__)

PATIENCE = 1.0
"""Seconds before a database that does not answer is asked again."""

SILENCE = 5.0
"""Seconds between two log lines about another site's messages."""


class _Place(Protocol):
    """Where a message is handled: what has to wait, waits there."""

    async def result(self, future: Future[T]) -> T:
        """Wait for a future."""

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""

    async def call(self, function: Callable[[Message], object], message: Message) -> None:
        """Call what talks to the database."""


class _Here:
    """On the calling thread."""

    async def result(self, future: Future[T]) -> T:
        return future.result()

    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds)  # noqa: ASYNC251 - there is no loop

    async def call(self, function: Callable[[Message], object], message: Message) -> None:
        function(message)


class _OnLoop:
    """On an event loop."""

    async def result(self, future: Future[T]) -> T:
        return await asyncio.wrap_future(future)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def call(self, function: Callable[[Message], object], message: Message) -> None:
        await sync_to_async(function, thread_sensitive=False)(message)


class _Stopping(Exception):
    """This process may not claim any more, or is not to for now."""


@dataclass(frozen=True, slots=True)
class Handled:
    """What became of a message."""

    is_done: bool
    """Whether it has done its duty; where not, this process is stopping or quiet, and another may take it."""

    outcome: Outcome | None = None
    """How the attempt ended that it led to; None where it led to none, or its outcome was refused."""


class Consumer:
    """Runs the jobs that an engine's messages name; never raises, so that no engine decides a job's fate.

    What is not to be had, because it runs already, is done, waits for its time or was moved to another
    backend, is dropped: the message was a duplicate. What cannot be claimed because this process is stopping
    stays in the database: an engine that can leaves its message to others; else its lease runs out and the
    dispatcher delivers it again.
    """

    def __init__(self, process: JobProcess) -> None:
        self._process = process
        self._claimer = Claimer(process.membership.worker_id, process.backend)
        self._loop = LoopThread()
        self._one_by_one = threading.Lock()
        self._silent_until = 0.0

    def run(self, message: object) -> Handled:
        """Run a message's job to its recorded end; sync tasks on this thread, async ones on one loop."""
        jobs = self._process.jobs
        try:
            live = run_now(self._claim(message, _Here()))
        except _Stopping:
            return Handled(is_done=False)
        if live is None:
            return Handled(is_done=True)
        if isinstance(live.interruptible, InterruptibleCoroutine):
            return Handled(is_done=True, outcome=self._loop.submit(jobs.arun(live)).result())
        return Handled(is_done=True, outcome=jobs.run(live))

    async def arun(self, message: object, threads: Executor) -> Handled:
        """Run a message's job to its recorded end; async tasks on this loop, sync ones on the threads."""
        jobs = self._process.jobs
        try:
            live = await self._claim(message, _OnLoop())
        except _Stopping:
            return Handled(is_done=False)
        if live is None:
            return Handled(is_done=True)
        if isinstance(live.interruptible, InterruptibleCoroutine):
            return Handled(is_done=True, outcome=await jobs.arun(live))
        outcome = await asyncio.get_running_loop().run_in_executor(threads, jobs.run, live)
        return Handled(is_done=True, outcome=outcome)

    def room(self, in_hand: int) -> int:
        """Return how many more messages an engine may fetch that has `in_hand` and is not done with them."""
        not_claimed_yet = in_hand - len(self._process.jobs)
        return self._process.may_claim() - not_claimed_yet

    def close(self) -> None:
        """Give up the threads."""
        self._claimer.close()
        self._loop.close()

    async def _claim(self, message: object, place: "_Place") -> Live | None:
        try:
            said = decode(message)
        except BadMessage as fault:
            logger.error("A message is dropped: %s", fault)  # noqa: TRY400 - the words say it all
            return None
        while not self._process.shutdown.stopping:
            with self._room_for_one() as has_room:
                try:
                    if has_room:
                        return await self._claim_now(said, place)
                except DatabaseError as error:
                    logger.warning("Job %s could not be claimed (%s); trying again.", said.job_id, error)
            await place.sleep(PATIENCE)
            if self._process.is_quiet:
                break  # and no sooner: the message may come straight back
        raise _Stopping

    @contextmanager
    def _room_for_one(self) -> Iterator[bool]:
        """Count a job as here for as long as the block runs, where the process may claim one more."""
        with ExitStack() as counted:
            with self._one_by_one:
                has_room = self._process.may_claim() > 0
                if has_room:
                    counted.enter_context(self._process.jobs.expecting())
            yield has_room

    async def _claim_now(self, message: Message, place: "_Place") -> Live | None:
        # Asked once more: from here on the process waits for this job before it ends.
        if self._process.shutdown.stopping:
            raise _Stopping
        job = await place.result(self._claimer.submit(message.job_id))
        if job is not None:
            return self._process.jobs.add(job)
        await place.call(self._drop, message)
        return None

    def _drop(self, message: Message) -> None:
        close_old_connections()
        try:
            if not set_aside(message.job_id, self._process.backend) and message.is_foreign:
                self._report_foreign(message)
        finally:
            close_old_connections()

    def _report_foreign(self, message: Message) -> None:
        if time.monotonic() < self._silent_until:
            return
        if not Job.objects.using(jobs_alias()).filter(pk=message.job_id).exists():
            self._silent_until = time.monotonic() + SILENCE
            logger.error(
                "Job %s is another site's, which shares this broker under the same PREFIX: each takes the "
                "other's messages. Give each site a PREFIX of its own in OPTIONS. The job is safe in its "
                "own database and is delivered once more.",
                message.job_id,
            )

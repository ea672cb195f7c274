"""arq's own workers in this process: one a queue, all on one event loop, on a thread of its own."""

import asyncio
import logging
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from arq.worker import RetryJob
from asgiref.sync import sync_to_async
from django.db import DatabaseError, close_old_connections
from redis.exceptions import RedisError

from taskyard.backend import WorkerOptions
from taskyard_workers.consumer import Consumer
from taskyard_workers.engine_worker import EngineWorker
from taskyard_workers.event_loop import LoopThread
from taskyard_workers.outage import Outage
from taskyard_workers.queues import QueueNames

from .publisher import async_client, queue_key
from .queue_worker import LOCK, QueueWorker, Slots

if TYPE_CHECKING:
    from .backend import ArqBackend

logger = logging.getLogger(__name__)

PATIENCE = 1.0
"""Seconds before Redis or the database is tried again, and between two looks for new queues."""

TIME_TO_SETTLE = 2.0
"""Seconds that ended jobs get, at the very end, to have their messages removed."""


def run_worker(backend: "ArqBackend", options: WorkerOptions) -> int:
    """Run a backend's jobs in this process until told to stop; return the exit code."""
    arq_logger = logging.getLogger("arq.worker")
    if arq_logger.level == logging.NOTSET:
        # It has two lines for every job, and takes what a priority back-dates for a delay.
        arq_logger.setLevel(logging.WARNING)
    worker = EngineWorker(backend, options)
    return worker.run(ArqEngine(backend, options, worker.consumer))


class ArqEngine:
    """The event loop and what runs on it."""

    def __init__(self, backend: "ArqBackend", options: WorkerOptions, consumer: Consumer) -> None:
        self._settings = backend.settings
        self._consumer = consumer
        self._queues = QueueNames(backend, options.queues)
        self._threads = ThreadPoolExecutor(options.concurrency, thread_name_prefix="taskyard-job")
        self._slots = Slots(options.concurrency, consumer.room)
        self._client = async_client(self._settings.BROKER_URL, self._settings.BROKER_TIMEOUT)
        self._workers: dict[str, QueueWorker] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._paused = False
        self._told_to_end = asyncio.Event()
        self._outage = Outage()
        self._loop = LoopThread()
        self._work: Future[None] | None = None

    def start(self) -> None:
        """Start fetching; a broker that is not there yet is waited for."""
        self._work = self._loop.submit(self._work_until_told())

    def pause(self) -> None:
        """Fetch no more."""
        self._paused = True
        for worker in list(self._workers.values()):
            worker.allow_pick_jobs = False

    def stop(self) -> None:
        """Remove the messages of jobs that ended, and end the loop."""
        if self._work is not None:
            self._loop.submit(self._end())
            with suppress(TimeoutError):
                self._work.result(TIME_TO_SETTLE + self._settings.BROKER_TIMEOUT)
        self._loop.close()
        self._threads.shutdown(wait=False)

    @property
    def is_alive(self) -> bool:
        """Whether the loop's work goes on."""
        return self._work is not None and not self._work.done()

    # --- on the loop ---

    async def _work_until_told(self) -> None:
        self._tasks = [asyncio.create_task(self._add_workers()), asyncio.create_task(self._keep_locks())]
        await self._told_to_end.wait()
        with suppress(TimeoutError):
            async with asyncio.timeout(TIME_TO_SETTLE):
                for worker in self._workers.values():
                    await worker.settled()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.connection_pool.disconnect()

    async def _end(self) -> None:
        self._told_to_end.set()

    async def _add_workers(self) -> None:
        """Start a worker for every queue; where TASKS names none, look for new ones again and again."""
        while not self._paused:
            for queue in await sync_to_async(self._queue_names, thread_sensitive=False)():
                if queue not in self._workers:
                    self._workers[queue] = self._new_worker(queue)
                    self._tasks.append(asyncio.create_task(self._serve(self._workers[queue])))
            await asyncio.sleep(PATIENCE)

    def _queue_names(self) -> tuple[str, ...]:
        close_old_connections()
        try:
            return self._queues.current()
        except DatabaseError as error:
            logger.warning("Cannot tell which queues there are (%s); trying again.", error)
            return ()
        finally:
            close_old_connections()

    def _new_worker(self, queue: str) -> QueueWorker:
        return QueueWorker(
            queue_key(self._settings.PREFIX, queue),
            self._client,
            self._slots,
            self._run,
            on_contact=self._outage.end,
        )

    async def _run(self, _context: object, message: object = None) -> None:
        handled = await self._consumer.arun(message, self._threads)
        if not handled.is_done:
            raise RetryJob  # the message stays, for another process

    async def _serve(self, worker: QueueWorker) -> None:
        """Keep a queue's worker going, whatever becomes of the broker."""
        while not self._paused:
            try:
                await worker.main()
            except (RedisError, OSError) as error:
                self._outage.note(error)
            except Exception:
                logger.exception("%r has failed; it goes on.", worker)
            await asyncio.sleep(PATIENCE)

    async def _keep_locks(self) -> None:
        while True:
            await asyncio.sleep(LOCK / 3)
            for worker in self._workers.values():
                try:
                    await worker.keep_locks()
                except (RedisError, OSError) as error:
                    self._outage.note(error)

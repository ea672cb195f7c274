"""Django-Q2's worker: fetches its packages and runs their jobs on threads of this process.

django-q2's own cluster is a tree of forks (sentinel, pusher, workers, monitor) around the same two steps.
It is not embedded here, because it cannot keep a worker's promises: its parent hangs when a whole process
group gets SIGTERM, its children go on consuming when the parent is killed, each fork would need a register
entry, writers and threads of its own after the fork, and its monitor writes results that nobody reads. What
stays django-q2's is what others see: its table or Redis lists, its packages, its signatures, its settings.
Several processes are `taskyard_workers.supervisor`'s, fresh interpreters that end with their parent.
"""

import logging
import queue
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from django.db import connections

from taskyard.backend import WorkerOptions
from taskyard.engines import engine_library
from taskyard.message import BadMessage
from taskyard_workers.consumer import Consumer
from taskyard_workers.engine_worker import EngineWorker
from taskyard_workers.outage import Outage
from taskyard_workers.queues import QueueNames

from .package import Package, unpack
from .publisher import Broker, broker_of

if TYPE_CHECKING:
    from .backend import DjangoQ2Backend

logger = logging.getLogger(__name__)

_Ended = tuple[Package, bool]
"""A package whose run has ended, and whether its message has done its duty."""

FIRST_POLL = 0.005
"""Seconds to the first look after messages ran out; doubles up to Q_CLUSTER's `poll` while none come."""

PATIENCE = 1.0
"""Seconds before a broker that does not answer is asked again."""

LONGEST_WAIT = 1.0
"""Seconds after which a worker without a free slot looks whether it has one; an ended job wakes it."""


def run_worker(backend: "DjangoQ2Backend", options: WorkerOptions) -> int:
    """Run a worker in this process until told to stop; return its exit code."""
    worker = EngineWorker(backend, options)
    queues = QueueNames(backend, options.queues)
    return worker.run(PackageRunner(broker_of(backend), queues, worker.consumer, options.concurrency))


class PackageRunner:
    """Fetches as many packages as there are free slots, runs each, acknowledges it after its job's end.

    One thread fetches and acknowledges, so that one connection does it all.
    """

    def __init__(self, broker: Broker, queues: QueueNames, consumer: Consumer, concurrency: int) -> None:
        self._broker = broker
        self._queues = queues
        self._consumer = consumer
        self._concurrency = concurrency
        self._longest_poll: float = engine_library("django_q.conf", "django-q2").Conf.POLL
        self._slots = ThreadPoolExecutor(concurrency, thread_name_prefix="taskyard-job")
        self._thread = threading.Thread(target=self._work, name="taskyard-fetch", daemon=True)
        self._ended: queue.SimpleQueue[_Ended | None] = queue.SimpleQueue()
        self._unacknowledged: list[Package] = []
        self._to_put_back: list[Package] = []
        self._in_hand = 0
        self._pause = 0.0
        self._outage = Outage()
        self._paused = threading.Event()
        self._stopped = threading.Event()

    # --- what the process around it asks for ---

    def start(self) -> None:
        """Start fetching."""
        self._thread.start()

    def pause(self) -> None:
        """Fetch no more; what is being fetched right now is put back. Ended jobs are still acknowledged."""
        self._paused.set()

    def stop(self) -> None:
        """Acknowledge what has ended, and end the threads; one that a stuck job holds is left to the exit."""
        self._stopped.set()
        self._ended.put(None)
        self._thread.join(timeout=2 * LONGEST_WAIT + PATIENCE)
        self._slots.shutdown(wait=False)

    @property
    def is_alive(self) -> bool:
        """Whether packages are being fetched, or tried to."""
        return self._thread.is_alive()

    # --- the fetching thread ---

    def _work(self) -> None:
        last = False
        while not last:
            last = self._stopped.is_set()
            try:
                self._collect_ended()
                self._pause = self._fetch()  # first, so that no free slot waits for the report
                self._report_ended()
            except Exception as error:
                self._outage.note(error)
                connections.close_all()
                self._pause = PATIENCE
        connections.close_all()

    def _collect_ended(self) -> None:
        """Wait for a job to end, as long as there is nothing else to do; collect all that have."""
        with suppress(queue.Empty):
            ended = self._ended.get(timeout=self._pause)
            while True:
                if ended is not None:
                    package, is_done = ended
                    self._in_hand -= 1
                    (self._unacknowledged if is_done else self._to_put_back).append(package)
                ended = self._ended.get_nowait()

    def _report_ended(self) -> None:
        """Tell the broker; what it does not hear now it is told again."""
        if self._unacknowledged:
            self._broker.acknowledge(self._unacknowledged)
            self._unacknowledged.clear()
        if self._to_put_back:
            self._broker.put_back(self._to_put_back)
            self._to_put_back.clear()

    def _fetch(self) -> float:
        """Fetch for the free slots, and return how many seconds to wait before the next look."""
        room = min(self._concurrency - self._in_hand, self._consumer.room(self._in_hand))
        if self._paused.is_set() or room < 1:
            return LONGEST_WAIT
        queues = self._queues.current()
        packages = self._broker.dequeue(queues, room)
        self._outage.end()
        if self._paused.is_set():
            self._broker.put_back(packages)
            return LONGEST_WAIT
        self._begin(packages)
        if packages or (queues and self._broker.waits):
            return 0.0
        return min(max(self._pause * 2, FIRST_POLL), self._longest_poll)

    def _begin(self, packages: Sequence[Package]) -> None:
        for package in packages:
            self._in_hand += 1
            self._slots.submit(self._run, package)

    # --- the slots' threads ---

    def _run(self, package: Package) -> None:
        is_done = True
        try:
            is_done = self._consumer.run(unpack(package.payload)).is_done
        except BadMessage as fault:
            logger.error("A message is dropped: %s", fault)  # noqa: TRY400 - the words say it all
        except Exception:
            logger.exception("A message could not be run; its job waits in the database.")
        finally:
            self._ended.put((package, is_done))

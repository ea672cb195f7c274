"""Dramatiq's own worker in this process: a thread that fetches for each queue, and a thread for each slot."""

import logging
import threading
from typing import TYPE_CHECKING, Any

import dramatiq
from django.db import DatabaseError, close_old_connections
from dramatiq.broker import Broker
from dramatiq.middleware import CurrentMessage

from taskyard.backend import WorkerOptions
from taskyard_workers.consumer import Consumer
from taskyard_workers.engine_worker import EngineWorker
from taskyard_workers.outage import Outage
from taskyard_workers.queues import QueueNames

from .fetching import Slots
from .messages import ACTOR, queue_name
from .options import DramatiqOptions

if TYPE_CHECKING:
    from .backend import DramatiqBackend

logger = logging.getLogger(__name__)

PATIENCE = 1.0
"""Seconds between two looks for new queues, where TASKS names none."""

WAKE_UP = 0.25
"""Seconds between two looks of an idle thread at whether it is to end."""

TIME_TO_STOP = 2.0
"""Seconds that Dramatiq's threads get to end, once no job runs any more."""


def run_worker(backend: "DramatiqBackend", options: WorkerOptions) -> int:
    """Run a backend's jobs in this process until told to stop; return the exit code."""
    dramatiq_logger = logging.getLogger("dramatiq")
    if dramatiq_logger.level == logging.NOTSET:
        dramatiq_logger.setLevel(logging.WARNING)  # the course of things is told in our own words
    worker = EngineWorker(backend, options)
    return worker.run(DramatiqEngine(backend, options, worker.consumer))


class DramatiqEngine:
    """Dramatiq's worker, on a broker object of ours that no actor of the site's knows of."""

    def __init__(self, backend: "DramatiqBackend", options: WorkerOptions, consumer: Consumer) -> None:
        self._settings = backend.settings
        self._consumer = consumer
        self._queues = QueueNames(backend, options.queues)
        self._names_are_fixed = bool(options.queues or backend.queues)
        self._slots = Slots(options.concurrency, consumer.room)
        self._broker = _broker(self._settings, self._slots)
        self._worker = dramatiq.Worker(
            self._broker, worker_threads=options.concurrency, worker_timeout=int(WAKE_UP * 1000)
        )
        self._paused = threading.Event()

    def start(self) -> None:
        """Start fetching; a broker that is not there yet is waited for."""
        names = [queue_name(self._settings.PREFIX, name) for name in self._queues.current() or ["default"]]
        dramatiq.actor(actor_name=ACTOR, queue_name=names[0], broker=self._broker)(self._run)
        for name in names:
            self._broker.declare_queue(name)
        self._worker.start()
        if not self._names_are_fixed:
            threading.Thread(target=self._look_for_queues, name="taskyard-queues", daemon=True).start()

    def pause(self) -> None:
        """Fetch no more."""
        self._slots.close()
        self._paused.set()

    def stop(self) -> None:
        """End the threads; a broker that does not answer, or a job that does not end, is not waited for."""
        milliseconds = int(TIME_TO_STOP * 1000)
        # Beside us: the last step is to close connections, and pika waits for a frozen broker without bound.
        stopping = threading.Thread(target=self._worker.stop, args=(milliseconds,), daemon=True)
        stopping.start()
        stopping.join(TIME_TO_STOP + self._settings.BROKER_TIMEOUT)

    @property
    def is_alive(self) -> bool:
        """Whether all of Dramatiq's threads run."""
        return all(thread.is_alive() for thread in [*self._worker.consumers.values(), *self._worker.workers])

    def _run(self, message: object = None) -> None:
        if not self._consumer.run(message).is_done:
            current: Any = CurrentMessage.get_current_message()  # as our consumer has fetched it
            current.is_for_others = True

    def _look_for_queues(self) -> None:
        while not self._paused.wait(PATIENCE):
            close_old_connections()
            try:
                for name in self._queues.current():
                    self._broker.declare_queue(queue_name(self._settings.PREFIX, name))
            except DatabaseError as error:
                logger.warning("Cannot tell which queues there are (%s); trying again.", error)
            finally:
                close_old_connections()


def _broker(settings: DramatiqOptions, slots: Slots) -> Broker:
    outage = Outage()
    if settings.is_rabbitmq:
        from .rabbitmq_broker import WorkersBroker  # noqa: PLC0415 - imports its client's library

        return WorkersBroker(settings, slots, outage)
    from .redis_broker import LevelsBroker  # noqa: PLC0415

    return LevelsBroker(settings, slots, outage)

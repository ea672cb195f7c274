"""Celery's worker in this process: jobs run on its threads, or one by one on its loop."""

import threading
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from taskyard.backend import WorkerOptions
from taskyard_workers.consumer import Consumer
from taskyard_workers.engine_worker import EngineWorker
from taskyard_workers.queues import QueueNames

from .app import app_of, make_ready_to_run, register_task
from .controller import Controller
from .prefork import PreforkWorker
from .queue_watch import QueueWatch, first_queues
from .runner import node_name, run_message
from .thread_pool import ThreadPool

if TYPE_CHECKING:
    from .backend import CeleryBackend

TIME_TO_SETTLE = 2.0
"""Seconds that ended jobs get, at the very end, to have their messages acknowledged."""


def run_worker(backend: "CeleryBackend", options: WorkerOptions) -> int:
    """Run a backend's jobs until told to stop; return the exit code."""
    if backend.settings.POOL == "prefork":
        return PreforkWorker(backend, options).run()
    if backend.settings.POOL == "solo":
        options = replace(options, concurrency=1)
    worker = EngineWorker(backend, options)
    return worker.run(CeleryEngine(backend, options, worker.consumer))


class CeleryEngine:
    """Celery's worker on a thread of its own; the main thread listens to signals."""

    def __init__(self, backend: "CeleryBackend", options: WorkerOptions, consumer: Consumer) -> None:
        settings = backend.settings
        names = QueueNames(backend, options.queues)
        self._queues_are_fixed = bool(options.queues or backend.queues)
        self._patience = settings.BROKER_TIMEOUT
        node = node_name(backend, options)
        app = app_of(settings)
        register_task(app, partial(run_message, consumer))
        make_ready_to_run(app, node)
        self._controller = Controller(
            app,
            settings,
            first_queues(names),
            hostname=node,
            pool_cls="solo" if settings.POOL == "solo" else ThreadPool,
            concurrency=options.concurrency,
            beats_while_it_runs=settings.POOL != "solo",
        )
        self._thread = threading.Thread(target=self._controller.start, name="taskyard-celery", daemon=True)
        self._watch = QueueWatch(names, self._controller.serve)

    def start(self) -> None:
        """Start fetching; a broker that is not there yet is waited for."""
        self._thread.start()
        if not self._queues_are_fixed:
            self._watch.start()

    def pause(self) -> None:
        """Fetch no more."""
        self._watch.stop()
        self._controller.pause()

    def stop(self) -> None:
        """Have ended jobs acknowledged, and end the loop."""
        if isinstance(self._controller.pool, ThreadPool):
            self._controller.pool.settle(TIME_TO_SETTLE)
        self._controller.end()
        self._thread.join(TIME_TO_SETTLE)
        self._controller.end_at_once()
        self._thread.join(self._patience)

    @property
    def is_alive(self) -> bool:
        """Whether Celery's worker goes on."""
        return self._thread.is_alive()

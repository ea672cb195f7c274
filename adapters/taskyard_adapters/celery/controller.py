"""Celery's own worker as our process runs it: what it takes from us in place of the app's configuration."""

import logging
import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from celery import Celery  # type: ignore[import-untyped]
from celery.bootsteps import Step  # type: ignore[import-untyped]
from celery.worker import WorkController, state  # type: ignore[import-untyped]
from celery.worker.consumer import Consumer  # type: ignore[import-untyped]
from kombu import Connection  # type: ignore[import-untyped]
from kombu.exceptions import OperationalError  # type: ignore[import-untyped]

from taskyard_workers.outage import Outage

from .connection import declared_queue, open_connection, queue_name
from .events import ThreadSafeDispatcher
from .options import CeleryOptions

logger = logging.getLogger(__name__)

PATIENCE = 0.5
"""Seconds before the broker is tried again."""

TICK = 0.25
"""Seconds between two calls of whoever wants to look at something now and then."""


class CelerySteps:
    """Celery's own steps, and none of those that the site adds, which may fetch from queues of its own."""

    def __init__(self, steps: Iterable[type[Step]] = (), **options: Any) -> None:
        super().__init__(**options)


class Controller(WorkController):  # type: ignore[misc]
    """Celery's worker on our queues of an app, whatever queues and settings the app has for itself.

    Args:
        app: the app on which our task is registered.
        settings: the backend's options.
        queues: the names of the queues to serve first.
        beats_while_it_runs: whether the loop goes on during a job, and can give RabbitMQ signs of life.
        on_tick: called on the loop's thread several times a second, also while the broker is out of reach.
        options: what Celery's worker is told beyond it: its pool, its concurrency and so on.
    """

    class Blueprint(CelerySteps, WorkController.Blueprint):  # type: ignore[misc]
        """The steps of Celery's worker."""

    def __init__(
        self,
        app: Celery,
        settings: CeleryOptions,
        queues: Iterable[str],
        *,
        beats_while_it_runs: bool = True,
        on_tick: Callable[[], object] = lambda: None,
        **options: Any,
    ) -> None:
        self.settings = settings
        self.beats_while_it_runs = beats_while_it_runs
        self.on_tick = on_tick
        self.paused = False
        self.waker = Waker()
        self._served: list[str] = []
        # Beside quorum queues of the site's own, each queue would have a prefetch count for itself.
        app.conf.worker_detect_quorum_queues = False
        app.events.dispatcher_cls = ThreadSafeDispatcher
        super().__init__(
            app=app,
            queues=[self._know(app, queue) for queue in queues],
            consumer_cls=JobConsumer,
            prefetch_multiplier=1,
            task_events=True,
            without_gossip=True,
            without_mingle=True,
            disable_rate_limits=True,
            time_limit=0,
            soft_time_limit=0,
            statedb="",
            pool_start_method="fork",  # the children need what was made before them
            **options,
        )

    def on_after_init(self, **_options: Any) -> None:
        """Take no limits of the site's own for our children: they have ours."""
        self.max_tasks_per_child = self.max_memory_per_child = None

    def _know(self, app: Celery, queue: str) -> str:
        """Make the app know one of our queues, and return what it is called in the broker."""
        name = queue_name(self.settings, queue)
        app.amqp.queues[name] = declared_queue(self.settings, queue)
        self._served.append(name)
        return name

    def serve(self, queue: str) -> None:
        """Fetch from one more queue; any thread may ask."""
        name = self._know(self.app, queue)
        self.app.amqp.queues.select(self._served)
        self.consumer.call_soon(self.consumer.add_task_queue, name)

    def pause(self) -> None:
        """Fetch no more messages; any thread may ask."""
        self.paused = True
        self.consumer.call_soon(self.consumer.fetch_no_more)

    def end(self) -> None:
        """End the worker once what it has to tell the broker by now is told; any thread may ask."""
        # In a round of its own, for within one the order is anybody's guess.
        self.consumer.call_soon(self.consumer.call_soon, self.end_at_once)

    def end_at_once(self) -> None:
        """End the worker; any thread may ask."""
        state.should_stop = 0
        self.waker.wake()


class JobConsumer(Consumer):  # type: ignore[misc]
    """Celery's connection to the broker, kept up by us.

    Celery itself gives up on what it takes for no matter of connections, such as a channel that RabbitMQ
    closed over a job of half an hour, or bytes in Redis that are no message. Here it connects anew.
    """

    connection: Any
    connection_errors: tuple[type[Exception], ...]

    class Blueprint(CelerySteps, Consumer.Blueprint):  # type: ignore[misc]
        """The steps of Celery's consumer, less the delaying of messages: ours are sent when they are due."""

        default_steps = tuple(
            step for step in Consumer.Blueprint.default_steps if not step.endswith(":DelayedDelivery")
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._outage = Outage()
        errors = (*self.connection_errors, *self.channel_errors, OperationalError)
        # kombu 5.7 counts a KeyError among Redis's, for a fault of its own.
        self._known_errors: tuple[type[Exception], ...] = tuple(
            each for each in errors if not issubclass(each, LookupError)
        )
        self.connection_errors = (Exception,)
        if not self.controller.beats_while_it_runs:
            self.amqheartbeat = 0

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], object]:
        """Return what takes each message; what Celery stumbles over is dropped, or it would come again."""
        handle = super().create_task_handler(*args, **kwargs)

        def handle_or_drop(message: Any) -> object:
            try:
                return handle(message)
            except self._known_errors:
                raise
            except Exception:
                logger.exception("A message is dropped: it is none of Celery's.")
                return message.reject_log_error(logger, Exception)

        return handle_or_drop

    def connection_for_read(self, heartbeat: float | None = None) -> Connection:
        """Return an open connection to fetch from."""
        return self._connected(reading=True, heartbeat=heartbeat or 0)

    def connection_for_write(self, url: str | None = None, heartbeat: float | None = None) -> Connection:
        """Return an open connection for events."""
        return self._connected(reading=False, heartbeat=heartbeat or 0)

    def _connected(self, *, reading: bool, heartbeat: float) -> Connection:
        """Wait for the broker; where nothing is to be fetched any more, wait for the end."""
        while True:
            self.controller.on_tick()
            state.maybe_shutdown()
            if not self.controller.paused:
                try:
                    return open_connection(
                        self.app, self.controller.settings, reading=reading, heartbeat=heartbeat
                    )
                except self._known_errors as error:
                    self._outage.note(error)
            time.sleep(PATIENCE)

    def on_ready(self) -> None:
        """Note that all is well."""
        super().on_ready()
        self._outage.end()

    def on_connection_error_before_connected(self, exc: Exception) -> None:
        """Say what happened; Celery then starts anew."""
        self._say(exc)

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Say what happened, and leave running jobs alone; Celery then starts anew.

        Their messages come once more, and are dropped: the jobs are claimed.
        """
        self._say(exc)
        connection, self.connection = self.connection, None
        with suppress(Exception):
            connection.collect(socket_timeout=self.controller.settings.BROKER_TIMEOUT)

    def _say(self, error: Exception) -> None:
        if isinstance(error, self._known_errors):
            self._outage.note(error)
        else:
            logger.error("Celery's worker met what it cannot handle; it connects anew.", exc_info=error)

    def call_soon(self, p: Any, *args: Any, **kwargs: Any) -> Any:
        """Have something done on the loop's thread, now and not when its present wait is over."""
        promise = super().call_soon(p, *args, **kwargs)
        self.controller.waker.wake()
        return promise

    def on_send_event_buffered(self) -> None:
        """Have events sent in the loop's next round; Celery asks for that without the lock that it takes."""
        if self.hub is not None:
            with self.hub._ready_lock:  # noqa: SLF001 - call_soon would send once for each event
                self.hub._ready.add(self._flush_events)  # noqa: SLF001

    def register_with_event_loop(self, hub: Any) -> None:
        """Let the loop be woken."""
        super().register_with_event_loop(hub)
        hub.add_reader(self.controller.waker.readable, self._on_wake)
        hub.call_repeatedly(TICK, self.controller.on_tick)

    def _on_wake(self) -> None:
        self.controller.waker.clear()
        self.controller.on_tick()

    def fetch_no_more(self) -> None:
        """Cancel what we consume; to be called on the loop's thread."""
        if self.task_consumer is not None:
            self.task_consumer.cancel()


class Waker:
    """Wakes a loop that waits for sockets: a pipe, one end of which it watches."""

    def __init__(self) -> None:
        self.readable, self._writable = os.pipe()
        os.set_blocking(self.readable, False)
        os.set_blocking(self._writable, False)

    def wake(self) -> None:
        """Wake the loop; any thread may ask."""
        with suppress(BlockingIOError):  # it is full of wakes already
            os.write(self._writable, b"!")

    def clear(self) -> None:
        """Take note of all wakes so far."""
        with suppress(BlockingIOError):
            os.read(self.readable, 4096)

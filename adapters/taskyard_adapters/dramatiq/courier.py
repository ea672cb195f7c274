"""One thread with one connection to RabbitMQ, through which all of a process's threads send.

pika waits without bound for a broker that is frozen, and its heartbeats must be answered while nobody sends.
So who sends hands the work to this thread and waits for so long and no longer.
"""

import atexit
import os
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

from .options import DramatiqOptions
from .rabbitmq_broker import FAULTS, HEARTBEAT, PriorityBroker

T = TypeVar("T")

Work = Callable[[PriorityBroker], Any]


BROKEN = "The connection to RabbitMQ has broken."


class NoAnswer(ConnectionError):
    """The broker did not answer in time."""


class Courier:
    """Works off what it is handed, until the first fault: then another takes its place."""

    def __init__(self, settings: DramatiqOptions) -> None:
        self._settings = settings
        self._broker = PriorityBroker(settings)
        self._orders: queue.SimpleQueue[tuple[Work, Future[Any]] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self.is_open = True
        self._thread = threading.Thread(target=self._run, name="taskyard-courier", daemon=True)
        self._thread.start()

    def call(self, work: Callable[[PriorityBroker], T]) -> T:
        """Have work done with the broker and return what it returns.

        Raises:
            NoAnswer: where that takes longer than BROKER_TIMEOUT; it may still be done later.
            Exception: whatever the work raises.
        """
        future: Future[T] = Future()
        with self._lock:
            if not self.is_open:
                raise NoAnswer(BROKEN)
            self._orders.put((work, future))
        try:
            return future.result(self._settings.BROKER_TIMEOUT)
        except TimeoutError:
            self.close()
            raise NoAnswer(f"RabbitMQ did not answer within {self._settings.BROKER_TIMEOUT:g} s.") from None

    def close(self) -> None:
        """End once the work in hand is done."""
        with self._lock:
            self.is_open = False
            self._orders.put(None)

    def join(self, seconds: float) -> None:
        """Wait for the end."""
        self._thread.join(seconds)

    def _run(self) -> None:
        try:
            while self._work_off_one():
                pass
        finally:
            self._refuse_the_rest()
            self._broker.close()

    def _work_off_one(self) -> bool:
        """Work off the next order, or wait for it a while; tell whether to go on."""
        try:
            order = self._orders.get(timeout=HEARTBEAT / 3)
        except queue.Empty:
            self._keep_alive()
            return True
        if order is None:
            return False
        self._keep_alive()
        work, future = order
        try:
            future.set_result(work(self._broker))
        except Exception as error:
            future.set_exception(error)
            return False
        return True

    def _keep_alive(self) -> None:
        """Answer heartbeats; make room for a new connection where this one has broken meanwhile."""
        try:
            for connection in self._broker.connections:
                connection.process_data_events(time_limit=0)
        except FAULTS:
            self._broker.close()
            self._broker = PriorityBroker(self._settings)

    def _refuse_the_rest(self) -> None:
        with self._lock, suppress(queue.Empty):
            self.is_open = False
            while True:
                order = self._orders.get_nowait()
                if order is not None:
                    order[1].set_exception(NoAnswer(BROKEN))


_couriers: dict[tuple[int, str, float], Courier] = {}
_lock = threading.Lock()


def courier_for(settings: DramatiqOptions) -> Courier:
    """Return this process's courier to a broker; a forked child has its own."""
    key = (os.getpid(), settings.BROKER_URL, settings.BROKER_TIMEOUT)
    with _lock:
        courier = _couriers.get(key)
        if courier is None or not courier.is_open:
            courier = _couriers[key] = Courier(settings)
        return courier


@atexit.register
def _say_goodbye() -> None:
    """Close the connections in order: RabbitMQ logs it as a fault where a client just goes."""
    mine = [courier for (pid, *_), courier in _couriers.items() if pid == os.getpid()]
    for courier in mine:
        courier.close()
    for courier in mine:
        courier.join(1.0)

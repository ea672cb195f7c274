"""How both of our brokers fetch: one message at a time, and only for a thread that is free to run it.

Dramatiq's own consumers prefetch, each for its queue. What they hold is hidden from idle workers, and what is
more urgent and comes later waits behind it.
"""

import logging
import threading
import time
from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import Any

from dramatiq import Message
from dramatiq.broker import Consumer, MessageProxy

from taskyard_workers.outage import Outage

from .messages import UnreadableMessage, read

logger = logging.getLogger(__name__)

FIRST_POLL = 0.01
"""Seconds to the first look after a queue ran empty; doubles up to the longest while nothing comes."""

LONGEST_POLL = 0.05

BUSY_POLL = 0.02
"""Seconds between two looks for a free slot at most; one that gets free is noticed at once."""

PATIENCE = 1.0
"""Seconds before a broker that is out of reach is tried again."""


class Slots:
    """One for each job that may run in the process, whichever queue it comes from.

    Args:
        number: of slots.
        room: says how many more jobs the process wants that has so many in hand.
    """

    def __init__(self, number: int, room: Callable[[int], int]) -> None:
        self._number = number
        self._room = room
        self._taken = 0
        self._closed = False
        self._lock = threading.Condition()

    def take(self) -> bool:
        """Take a slot if there is one."""
        with self._lock:
            if self._closed or self._taken >= self._number or self._room(self._taken) < 1:
                return False
            self._taken += 1
            return True

    def give_back(self) -> None:
        """Give a slot back."""
        with self._lock:
            self._taken -= 1
            self._lock.notify_all()

    def wait(self, seconds: float) -> None:
        """Wait until a slot is given back, for so long at most."""
        with self._lock:
            self._lock.wait(seconds)

    def close(self) -> None:
        """Hand out no more."""
        self._closed = True


class Fetched(MessageProxy):
    """A message in this process's hands.

    Args:
        message: the message.
        origin: what the broker needs to know of it later: a queue's name, a number.
    """

    def __init__(self, message: Message[None], origin: Any) -> None:
        super().__init__(message)
        self.origin = origin
        self.is_for_others = False
        """Whether it goes back into its queue: this process was told to stop before its job had begun."""


class FetchingConsumer(Consumer):
    """Takes one message from one queue when there is a slot for it; gives the slot back with the message.

    A broker out of reach is waited for here, so that Dramatiq's threads never see an error: they would hold
    on to a message whose job has ended until the broker is back, and not end before.
    """

    def __init__(self, queue: str, slots: Slots, outage: Outage, faults: tuple[type[Exception], ...]) -> None:
        self._queue = queue
        self._slots = slots
        self._outage = outage
        self._faults = faults
        self._pause = FIRST_POLL

    # --- what a broker brings; each may raise one of `faults` ---

    @abstractmethod
    def _fetch(self) -> tuple[bytes, Any] | None:
        """Take the most urgent message and return it with its origin, if there is any."""

    @abstractmethod
    def _acknowledge(self, message: Fetched) -> None:
        """Remove a message for good."""

    @abstractmethod
    def _put_back(self, message: Fetched) -> None:
        """Put a message back into its queue."""

    @abstractmethod
    def _discard(self, origin: Any) -> None:
        """Remove what could not be read."""

    @abstractmethod
    def _rest(self, seconds: float) -> None:
        """Let time pass, and keep the connection alive meanwhile."""

    def _wait_for_slot(self, seconds: float) -> None:
        """Let time pass until a slot may be free, for so long at most."""
        self._rest(seconds)

    @abstractmethod
    def _disconnect(self) -> None:
        """Drop the connection after a fault."""

    # --- what Dramatiq calls ---

    def __next__(self) -> Fetched | None:
        """Return the next message, None if there is none for the moment."""
        try:
            return self._next()
        except self._faults as error:
            self._outage.note(error)
            self._disconnect()
            time.sleep(PATIENCE)
            return None

    def _next(self) -> Fetched | None:
        if not self._slots.take():
            self._wait_for_slot(BUSY_POLL)
            return None
        message = None
        try:
            message = self._fetch_readable()
        finally:
            if message is None:
                self._slots.give_back()
        self._outage.end()
        if message is None:
            self._rest(self._pause)
        self._pause = min(self._pause * 2, LONGEST_POLL) if message is None else FIRST_POLL
        return message

    def _fetch_readable(self) -> Fetched | None:
        found = self._fetch()
        if found is None:
            return None
        data, origin = found
        try:
            return Fetched(read(data, self._queue), origin)
        except UnreadableMessage as fault:
            logger.error("What is no message is dropped: %s", fault)  # noqa: TRY400 - the words say it all
            self._discard(origin)
            return None

    def ack(self, message: MessageProxy) -> None:
        """Be done with a message. Where the broker does not hear of it, its repetition is dropped later."""
        assert isinstance(message, Fetched)
        try:
            if message.is_for_others:
                self._put_back(message)
            else:
                self._acknowledge(message)
        except self._faults as error:
            self._outage.note(error)
        finally:
            self._slots.give_back()

    def nack(self, message: MessageProxy) -> None:
        """Be done with a message for another actor: Dramatiq has logged it."""
        self.ack(message)

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Put messages back that no thread has begun."""
        for message in messages:
            assert isinstance(message, Fetched)
            message.is_for_others = True
            self.ack(message)

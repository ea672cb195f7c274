"""Dramatiq's messages as we write and read them: as JSON, whatever encoder the site has set for its own."""

import re
from secrets import token_hex
from typing import TYPE_CHECKING

from dramatiq import Message
from dramatiq.encoder import JSONEncoder

from taskyard.engines import priority_level
from taskyard.exceptions import JobError
from taskyard.message import encode

if TYPE_CHECKING:
    from taskyard.delivery import Delivery

ACTOR = "taskyard_run"
"""The one actor that Dramatiq knows of."""

_JSON = JSONEncoder()


class UnreadableMessage(JobError):
    """What lies in the broker's queue is no message of Dramatiq's."""


def queue_name(prefix: str, queue: str) -> str:
    """Return a queue's name as Dramatiq allows it; two queues never get the same."""
    return re.sub(r"[^A-Za-z0-9_-]", lambda found: f".{ord(found[0]):x}_", f"{prefix}_{queue}")


def message_for(delivery: "Delivery", prefix: str) -> Message[None]:
    """Return the message for a delivery."""
    level = priority_level(delivery.priority)
    return Message(
        queue_name=queue_name(prefix, delivery.queue),
        actor_name=ACTOR,
        args=(encode(delivery.job_id),),
        kwargs={},
        # The names are those of Dramatiq's own brokers.
        options={"redis_message_id": f"{delivery.job_id}.{token_hex(4)}", "broker_priority": level},
        message_id=str(delivery.job_id),
    )


def write(message: Message[None]) -> bytes:
    """Return what travels."""
    return _JSON.encode(message.asdict())


def read(data: bytes, queue: str) -> Message[None]:
    """Return the message that has come from a queue.

    Raises:
        UnreadableMessage: where it is none of Dramatiq's.
    """
    try:
        message: Message[None] = Message(**_JSON.decode(data))
    except Exception as error:
        raise UnreadableMessage(f"{data[:200]!r}: {error}") from error
    return message.copy(queue_name=queue)  # Dramatiq acknowledges by this name

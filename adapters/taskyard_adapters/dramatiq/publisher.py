"""Messages into the broker, and how many wait there: the client's side."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from .messages import message_for, queue_name
from .options import DramatiqOptions

if TYPE_CHECKING:
    from taskyard.delivery import Delivery

CHUNK = 500
"""Messages that are sent to RabbitMQ within one BROKER_TIMEOUT."""


def publish(settings: DramatiqOptions, batch: Sequence["Delivery"]) -> None:
    """Send a batch; any thread may."""
    messages = [message_for(delivery, settings.PREFIX) for delivery in batch]
    if not settings.is_rabbitmq:
        from . import redis_broker  # noqa: PLC0415 - imports its client's library

        redis_broker.publish(settings, messages)
        return
    from .courier import courier_for  # noqa: PLC0415
    from .rabbitmq_broker import PriorityBroker  # noqa: PLC0415

    for start in range(0, len(messages), CHUNK):
        send = partial(PriorityBroker.publish, messages=messages[start : start + CHUNK])
        courier_for(settings).call(send)


def waiting_by_queue(settings: DramatiqOptions, queues: Iterable[str]) -> dict[str, int]:
    """Return how many messages wait, by queue."""
    names = {queue: queue_name(settings.PREFIX, queue) for queue in queues}
    if settings.is_rabbitmq:
        from .courier import courier_for  # noqa: PLC0415

        lengths = courier_for(settings).call(lambda broker: broker.waiting(names.values()))
    else:
        from . import redis_broker  # noqa: PLC0415

        lengths = redis_broker.waiting(settings, names.values())
    return dict(zip(names, lengths, strict=True))

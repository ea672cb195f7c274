"""The batch that forms while a transaction is open, delivered once it has committed."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from .database import jobs_connection
from .delivery import Delivery


@dataclass(slots=True)
class _Outbox:
    """What the open transaction of one connection has to deliver once it commits.

    Django runs commit hooks one by one and drops those of rolled back savepoints. Two hooks an enqueue
    make one batch of the survivors: the first confirms the jobs and shares the fate of their savepoint,
    the second belongs to the whole transaction, and only the newest of its kind delivers.
    """

    confirmed: list[tuple[Callable[[list[Delivery]], None], list[Delivery]]] = field(default_factory=list)
    newest: object = None


_outboxes: "WeakKeyDictionary[BaseDatabaseWrapper, _Outbox]" = WeakKeyDictionary()


def deliver_on_commit(deliver: Callable[[list[Delivery]], None], deliveries: list[Delivery]) -> None:
    """Deliver once the open transaction commits, all that it enqueues together; at once if none is open.

    A savepoint rolled back takes its jobs out of the batch; a rolled back transaction, all.
    """
    connection = jobs_connection()
    if not connection.in_atomic_block:
        transaction.on_commit(lambda: deliver(deliveries), using=connection.alias, robust=True)
        return
    outbox = _outboxes.setdefault(connection, _Outbox())

    def confirm() -> None:
        outbox.confirmed.append((deliver, deliveries))

    def flush() -> None:
        if outbox.newest is flush:
            confirmed, outbox.confirmed = outbox.confirmed, []
            for each, batch in _merged(confirmed):
                each(batch)

    outbox.newest = flush
    transaction.on_commit(confirm, using=connection.alias, robust=True)
    # An entry without savepoint ids outlives every savepoint; on_commit() would add the present ones.
    hooks: list[Any] = connection.run_on_commit
    hooks.append((set(), flush, True))


def _merged(
    confirmed: list[tuple[Callable[[list[Delivery]], None], list[Delivery]]],
) -> Iterable[tuple[Callable[[list[Delivery]], None], list[Delivery]]]:
    batches: dict[Callable[[list[Delivery]], None], list[Delivery]] = {}
    for deliver, deliveries in confirmed:
        batches.setdefault(deliver, []).extend(deliveries)
    return batches.items()

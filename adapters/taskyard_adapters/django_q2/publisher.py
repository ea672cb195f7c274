"""The client's side: who carries a backend's messages."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from taskyard.engines import engine_library

from .options import REDIS

if TYPE_CHECKING:
    from taskyard.delivery import Delivery

    from .backend import DjangoQ2Backend
    from .package import Package


class Broker(Protocol):
    """A place in which messages wait."""

    waits: bool
    """Whether `dequeue` waits for messages; where it does not, the worker polls."""

    def enqueue(self, batch: Sequence["Delivery"]) -> None:
        """Put in a message for each job, in one round trip."""

    def dequeue(self, queues: Sequence[str], limit: int) -> Sequence["Package"]:
        """Take out the most urgent messages of these queues, `limit` at most."""

    def acknowledge(self, packages: Iterable["Package"]) -> None:
        """Forget messages whose jobs have their outcome."""

    def put_back(self, packages: Iterable["Package"]) -> None:
        """Have messages wait again whose jobs were not begun."""

    def queue_sizes(self, queues: Iterable[str]) -> dict[str, int]:
        """Return how many messages wait, by queue."""


def broker_of(backend: "DjangoQ2Backend") -> Broker:
    """Return the broker that a backend's options ask for.

    Raises:
        InvalidTaskBackend: where its library is not installed.
    """
    settings = backend.settings
    if settings.BROKER == REDIS:
        from .redis_broker import RedisBroker  # noqa: PLC0415

        return RedisBroker(backend.key_start, settings.BROKER_URL, settings.BROKER_TIMEOUT)
    engine_library("django_q", "django-q2")
    from .orm_broker import OrmBroker  # noqa: PLC0415 - needs django-q2's table

    return OrmBroker(backend.key_start)


def queue_depths(backend: "DjangoQ2Backend") -> dict[str, int]:
    """Return how many messages of a backend wait, by queue."""
    from taskyard.delivery import waiting_queues  # noqa: PLC0415 - needs the app registry

    # Where TASKS names no queues, those count in which jobs wait.
    queues = backend.queues or waiting_queues(backend.alias)
    return broker_of(backend).queue_sizes(queues)

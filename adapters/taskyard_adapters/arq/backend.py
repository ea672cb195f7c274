"""The arq backend: jobs' ids in Redis, fetched by arq's own worker."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.checks import CheckMessage

from taskyard.backend import BackendOptions, JobBackend, WorkerOptions
from taskyard.engines import engine_library

from .options import ArqOptions

if TYPE_CHECKING:
    from taskyard.delivery import Delivery


class ArqBackend(JobBackend):
    """Runs jobs with arq over Redis: many async tasks on one loop, sync ones on threads beside it."""

    engine = "arq"
    options_class: ClassVar[type[BackendOptions]] = ArqOptions
    settings: ArqOptions

    def deliver(self, batch: Sequence["Delivery"]) -> None:
        """Write the batch into Redis in one round trip."""
        engine_library("arq", "arq")
        from .publisher import publish  # noqa: PLC0415 - imports the engine's library

        publish(self.settings, batch)

    async def adeliver(self, batch: Sequence["Delivery"]) -> None:
        """Write the batch into Redis in one round trip, on this event loop."""
        engine_library("arq", "arq")
        from .publisher import apublish  # noqa: PLC0415

        await apublish(self.settings, batch)

    def start_worker(self, options: WorkerOptions) -> int:
        """Run arq's workers, one a queue, on one event loop of this process until told to stop."""
        engine_library("arq", "arq")
        from .worker import run_worker  # noqa: PLC0415

        return run_worker(self, options)

    def queue_depths(self) -> dict[str, int]:
        """Return how many messages wait in Redis, by queue; those that run are not among them."""
        engine_library("arq", "arq")
        from taskyard_workers.queues import QueueNames  # noqa: PLC0415 - needs the app registry

        from .publisher import waiting_by_queue  # noqa: PLC0415

        return waiting_by_queue(self.settings, QueueNames(self, ()).current())

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        """Return what is wrong with the installed library."""
        from .checks import check_library, installed_version  # noqa: PLC0415

        return [*super().check(**kwargs), *check_library(installed_version())]

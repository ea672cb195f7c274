"""The Dramatiq backend: jobs' ids in Redis or RabbitMQ, run by Dramatiq's own worker."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.checks import CheckMessage

from taskyard.backend import BackendOptions, JobBackend, WorkerOptions
from taskyard.engines import engine_library

from .options import DramatiqOptions

if TYPE_CHECKING:
    from taskyard.delivery import Delivery


class DramatiqBackend(JobBackend):
    """Runs jobs with Dramatiq, on a broker object of its own: the site's own actors go on beside it."""

    engine = "dramatiq"
    options_class: ClassVar[type[BackendOptions]] = DramatiqOptions
    settings: DramatiqOptions

    def deliver(self, batch: Sequence["Delivery"]) -> None:
        """Send one message a job."""
        self._need_libraries()
        from .publisher import publish  # noqa: PLC0415 - imports the engine's library

        publish(self.settings, batch)

    def start_worker(self, options: WorkerOptions) -> int:
        """Run Dramatiq's worker, one thread a slot, in this process until told to stop."""
        self._need_libraries()
        from .worker import run_worker  # noqa: PLC0415

        return run_worker(self, options)

    def queue_depths(self) -> dict[str, int]:
        """Return how many messages wait in the broker, by queue; those that run are not among them."""
        self._need_libraries()
        from taskyard_workers.queues import QueueNames  # noqa: PLC0415 - needs the app registry

        from .publisher import waiting_by_queue  # noqa: PLC0415

        return waiting_by_queue(self.settings, QueueNames(self, ()).current())

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        """Return what is wrong with the installed libraries."""
        from .checks import check_libraries, client_library, installed_version  # noqa: PLC0415

        client = client_library(self.settings)
        found = check_libraries(installed_version("dramatiq"), client, installed_version(client))
        return [*super().check(**kwargs), *found]

    def _need_libraries(self) -> None:
        from .checks import client_library  # noqa: PLC0415

        engine_library("dramatiq", "dramatiq")
        engine_library(client_library(self.settings), "dramatiq")

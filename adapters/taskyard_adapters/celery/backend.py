"""The Celery backend: jobs' ids over Redis or RabbitMQ, fetched by Celery's own worker."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.checks import CheckMessage

from taskyard.backend import BackendOptions, JobBackend, WorkerOptions
from taskyard.engines import engine_library

from .options import CeleryOptions

if TYPE_CHECKING:
    from taskyard.delivery import Delivery


class CeleryBackend(JobBackend):
    """Runs jobs with Celery, beside whatever else the site runs with it."""

    engine = "celery"
    options_class: ClassVar[type[BackendOptions]] = CeleryOptions
    settings: CeleryOptions

    def deliver(self, batch: Sequence["Delivery"]) -> None:
        """Publish the batch over one connection, in one round trip where Celery can."""
        engine_library("celery", "celery")
        from .publisher import publish  # noqa: PLC0415 - imports the engine's library

        publish(self.settings, batch)

    def start_worker(self, options: WorkerOptions) -> int:
        """Run Celery's worker in this process until told to stop."""
        engine_library("celery", "celery")
        from .worker import run_worker  # noqa: PLC0415

        return run_worker(self, options)

    def queue_depths(self) -> dict[str, int]:
        """Return how many messages wait in the broker, by queue; those that workers hold do not count."""
        engine_library("celery", "celery")
        from taskyard_workers.queues import QueueNames  # noqa: PLC0415 - needs the app registry

        from .publisher import waiting_by_queue  # noqa: PLC0415

        return waiting_by_queue(self.settings, QueueNames(self, ()).current())

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        """Return what is wrong with the libraries and with the site's own app."""
        from .checks import check_all  # noqa: PLC0415

        return [*super().check(**kwargs), *check_all(self.alias, self.settings)]

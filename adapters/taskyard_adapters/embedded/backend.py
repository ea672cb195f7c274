"""The embedded backend: delivering is waking whoever waits."""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from django.db import DatabaseError

from taskyard.backend import BackendOptions, JobBackend, WorkerOptions

from .options import EmbeddedOptions

if TYPE_CHECKING:
    from taskyard.delivery import Delivery

logger = logging.getLogger(__name__)


class EmbeddedBackend(JobBackend):
    """Runs jobs with `manage.py worker` and no other service; made for one machine."""

    engine = "embedded"
    options_class: ClassVar[type[BackendOptions]] = EmbeddedOptions
    settings: EmbeddedOptions
    leases_deliveries = False

    def deliver(self, batch: Sequence["Delivery"]) -> None:
        """Wake idle workers. The jobs are where they belong already, so a failure only costs a poll."""
        from .publisher import notify  # noqa: PLC0415 - needs the app registry

        try:
            notify(self.alias)
        except DatabaseError as error:
            logger.warning("Idle workers of %r could not be woken (%s); they poll.", self.alias, error)

    def start_worker(self, options: WorkerOptions) -> int:
        """Run jobs in this process until told to stop."""
        from .worker import EmbeddedWorker  # noqa: PLC0415

        return EmbeddedWorker(self, options).run()

    def queue_depths(self) -> dict[str, int]:
        """Return how many jobs wait, by queue."""
        from .publisher import waiting_by_queue  # noqa: PLC0415

        return waiting_by_queue(self.alias)

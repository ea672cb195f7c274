"""The Django-Q2 backend: ids travel as django-q2's signed packages, in its table or in Redis."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.checks import CheckMessage

from taskyard.backend import BackendOptions, JobBackend, WorkerOptions
from taskyard.compat import InvalidTask, Task

from .keys import LONGEST_KEY, row_key, start_of
from .options import ORM, DjangoQ2Options

if TYPE_CHECKING:
    from taskyard.delivery import Delivery


class DjangoQ2Backend(JobBackend):
    """Runs jobs that django-q2's brokers carry; a site's own `qcluster` goes on beside it, untouched."""

    engine = "django-q2"
    options_class: ClassVar[type[BackendOptions]] = DjangoQ2Options
    settings: DjangoQ2Options

    @property
    def key_start(self) -> str:
        """What all of this backend's keys in the broker start with."""
        return start_of(self.settings.PREFIX)

    def validate_task(self, task: Task) -> None:
        """See `JobBackend.validate_task`.

        Raises:
            InvalidTask: also for a queue whose name does not fit django-q2's table.
        """
        super().validate_task(task)
        room = LONGEST_KEY - len(row_key(self.key_start, task.priority, ""))
        if self.settings.BROKER == ORM and len(task.queue_name) > room:
            raise InvalidTask(
                f"django-q2's table has room for {room} characters of a queue's name beside PREFIX; "
                f"{task.queue_name!r} has {len(task.queue_name)}."
            )

    def deliver(self, batch: Sequence["Delivery"]) -> None:
        """Hand jobs to the broker, in one round trip."""
        from .publisher import broker_of  # noqa: PLC0415 - django-q2 only where it is used

        broker_of(self).enqueue(batch)

    def start_worker(self, options: WorkerOptions) -> int:
        """Fetch messages and run their jobs in this process until told to stop."""
        from .worker import run_worker  # noqa: PLC0415

        return run_worker(self, options)

    def queue_depths(self) -> dict[str, int]:
        """Return how many messages wait, by queue."""
        from .publisher import queue_depths  # noqa: PLC0415

        return queue_depths(self)

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        """Return what is wrong with the settings, Django-Q2's own included."""
        from .checks import check_settings  # noqa: PLC0415

        return [*super().check(**kwargs), *check_settings(self.settings)]

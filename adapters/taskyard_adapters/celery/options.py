"""What the Celery engine can be told in `TASKS[alias]["OPTIONS"]`."""

from dataclasses import dataclass

from taskyard.engines import BrokerOptions, is_address

SCHEMES = ("redis", "rediss", "amqp", "amqps")

POOLS = ("threads", "prefork", "solo")


@dataclass(frozen=True, slots=True, kw_only=True)
class CeleryOptions(BrokerOptions):
    """What `TASKS[alias]["OPTIONS"]` may hold on Celery: BROKER_URL or APP, and how jobs are run."""

    APP: str = ""
    """The dotted path of the site's own Celery app, such as "shop.celery.app": our task is registered on it
    and travels over its broker. Its settings stay as they are; the limits, annotations and steps among them
    hold for the site's own tasks and workers alone. Empty: an app of our own on BROKER_URL."""

    POOL: str = "threads"
    """What `manage.py worker` runs jobs on.

    - "threads": each process has as many as its concurrency says. The least memory for each job, async tasks
      share one loop, and nothing is forked. `--processes` adds processes for work that needs more CPU.
    - "prefork": as many forked children, each with one job at a time: for tasks that may crash their process
      or that no thread may share, with one connection to the broker for all of them.
    - "solo": one job at a time on the thread that talks to the broker.
    """

    def __post_init__(self) -> None:
        BrokerOptions.__post_init__(self)
        if not self.APP and not self.BROKER_URL:
            raise ValueError(
                'BROKER_URL is missing: say where the broker is, such as "redis://localhost:6379/0" or '
                '"amqp://user:password@localhost//", or name the site\'s own Celery app in APP.'
            )
        if self.APP and self.BROKER_URL:
            raise ValueError("APP and BROKER_URL exclude each other: the app knows its broker.")
        if self.BROKER_URL and not is_address(self.BROKER_URL, SCHEMES):
            # The address itself may hold a password, and this text ends up in logs.
            raise ValueError(
                "BROKER_URL must be an address of Redis or RabbitMQ, beginning with "
                f"{', '.join(f'{scheme}://' for scheme in SCHEMES)}."
            )
        if self.APP and not _is_dotted_path(self.APP):
            raise ValueError(
                f'APP must be the dotted path of a Celery app, such as "shop.celery.app", not {self.APP!r}.'
            )
        if self.POOL not in POOLS:
            raise ValueError(f"POOL must be one of {', '.join(POOLS)}, not {self.POOL!r}.")

    @property
    def broker(self) -> str:
        """See `BrokerOptions.broker`; the site's own app knows its."""
        return self.APP or self.BROKER_URL


def _is_dotted_path(path: object) -> bool:
    names = path.replace(":", ".").split(".") if isinstance(path, str) else []
    return len(names) > 1 and all(name.isidentifier() for name in names)

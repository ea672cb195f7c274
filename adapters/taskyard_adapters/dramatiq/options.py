"""What the Dramatiq engine can be told in `TASKS[alias]["OPTIONS"]`."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from taskyard.engines import BrokerOptions, is_address

REDIS = ("redis", "rediss", "unix")
RABBITMQ = ("amqp", "amqps")


@dataclass(frozen=True, slots=True, kw_only=True)
class DramatiqOptions(BrokerOptions):
    """What `TASKS[alias]["OPTIONS"]` may hold on Dramatiq; BROKER_URL says where Redis or RabbitMQ is."""

    def __post_init__(self) -> None:
        BrokerOptions.__post_init__(self)
        examples = '"redis://:password@localhost:6379/0" or "amqp://user:password@localhost:5672/vhost"'
        if not self.BROKER_URL:
            raise ValueError(f"BROKER_URL is missing: say where the broker is, such as {examples}.")
        if not is_address(self.BROKER_URL, REDIS + RABBITMQ):
            # The address itself may hold a password, and this text ends up in logs.
            raise ValueError(f"BROKER_URL must be an address of Redis or RabbitMQ, such as {examples}.")

    @property
    def is_rabbitmq(self) -> bool:
        """Whether the broker is RabbitMQ; else it is Redis."""
        return urlsplit(self.BROKER_URL).scheme in RABBITMQ

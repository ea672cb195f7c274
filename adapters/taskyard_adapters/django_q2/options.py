"""What the Django-Q2 engine can be told in `TASKS[alias]["OPTIONS"]`."""

from dataclasses import dataclass

from taskyard.engines import BrokerOptions, is_address

ORM = "orm"
REDIS = "redis"

SCHEMES = ("redis", "rediss", "unix")


@dataclass(frozen=True, slots=True, kw_only=True)
class DjangoQ2Options(BrokerOptions):
    """What `TASKS[alias]["OPTIONS"]` may hold on Django-Q2.

    `BROKER_URL` and `BROKER_TIMEOUT` are for Redis; a database has its address and its patience in DATABASES.
    """

    BROKER: str = ORM
    """Where messages wait: "orm", in django-q2's table, or "redis"."""

    def __post_init__(self) -> None:
        BrokerOptions.__post_init__(self)
        if self.BROKER not in {ORM, REDIS}:
            raise ValueError(f"BROKER {self.BROKER!r} must be {ORM!r} or {REDIS!r}.")
        if self.BROKER == ORM and self.BROKER_URL:
            raise ValueError(
                f"BROKER_URL is for BROKER {REDIS!r}. With {ORM!r} messages wait in the database that "
                'Q_CLUSTER["orm"] names: leave BROKER_URL out.'
            )
        if self.BROKER == REDIS and not is_address(self.BROKER_URL, SCHEMES):
            # The address itself may hold a password, and this text ends up in logs.
            raise ValueError(
                f"BROKER_URL must be an address of Redis ({', '.join(f'{each}://' for each in SCHEMES)}), "
                'such as "redis://:password@localhost:6379/0".'
            )

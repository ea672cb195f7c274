"""What the arq engine can be told in `TASKS[alias]["OPTIONS"]`."""

from dataclasses import dataclass

from taskyard.engines import BrokerOptions, is_address

SCHEMES = ("redis", "rediss", "unix")


@dataclass(frozen=True, slots=True, kw_only=True)
class ArqOptions(BrokerOptions):
    """What `TASKS[alias]["OPTIONS"]` may hold on arq; BROKER_URL says where Redis is."""

    def __post_init__(self) -> None:
        BrokerOptions.__post_init__(self)
        example = '"redis://:password@localhost:6379/0"'
        if not self.BROKER_URL:
            raise ValueError(f"BROKER_URL is missing: say where Redis is, such as {example}.")
        if not is_address(self.BROKER_URL, SCHEMES):
            # The address itself may hold a password, and this text ends up in logs.
            raise ValueError(
                f"BROKER_URL must be an address of Redis ({', '.join(f'{each}://' for each in SCHEMES)}), "
                f"such as {example}."
            )

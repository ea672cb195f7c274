"""What adapters for engines with a broker share."""

from collections.abc import Collection
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from urllib.parse import urlsplit

from .backend import BackendOptions
from .compat import InvalidTaskBackend

PRIORITY_LEVELS = 10
"""How finely engines tell priorities apart that cannot do so exactly."""

DEFAULT_PREFIX = "taskyard"


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerOptions(BackendOptions):
    """What `TASKS[alias]["OPTIONS"]` may hold on every engine that has a broker."""

    BROKER_URL: str = ""
    """Where the broker is."""

    PREFIX: str = DEFAULT_PREFIX
    """What the names of queues and keys in the broker start with. Two sites that share a broker need two, and
    so do two backends that share a broker and a queue's name."""

    BROKER_TIMEOUT: float = 5.0
    """Seconds after which a broker that does not answer counts as out of reach."""

    def __post_init__(self) -> None:
        BackendOptions.__post_init__(self)
        if not self.PREFIX.isidentifier():
            raise ValueError(f"PREFIX {self.PREFIX!r} must be letters, digits and underscores.")
        if not isinstance(self.BROKER_TIMEOUT, int | float) or not 0 < self.BROKER_TIMEOUT <= 600:
            raise ValueError("BROKER_TIMEOUT must be seconds above 0 and up to 600.")

    @property
    def broker(self) -> str:
        """Which broker this is: backends that name the same one meet there."""
        return self.BROKER_URL


def engine_library(module: str, extra: str) -> ModuleType:
    """Import an engine's library.

    Raises:
        InvalidTaskBackend: where it is not installed, naming the extra that brings it.
    """
    try:
        return import_module(module)
    except ImportError as error:
        library = module.partition(".")[0]
        raise InvalidTaskBackend(
            f'The library {library!r} is not installed. Run: pip install "django-taskyard[{extra}]"'
        ) from error


def is_address(url: object, schemes: Collection[str]) -> bool:
    """Tell whether this may be a broker's address: one of these schemes, and a port that is one."""
    if not isinstance(url, str):
        return False
    try:
        parts = urlsplit(url)
        port_is_good = parts.port != 0
    except ValueError:  # it is no number
        return False
    return parts.scheme in schemes and port_is_good


def priority_level(priority: int) -> int:
    """Return the level, 0 to 9 and 9 the most urgent, of one of Django's priorities (-100 to 100)."""
    return (priority + 100) * PRIORITY_LEVELS // 201

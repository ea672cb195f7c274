"""A circuit breaker for deliveries: one dead broker must not cost every request its timeout."""

import time
from dataclasses import dataclass

PAUSE = 5.0
"""Seconds that direct delivery rests after a failure; meanwhile the dispatcher delivers."""


@dataclass(slots=True)
class Breaker:
    """Open for a while after a failure."""

    open_until: float = 0.0

    @property
    def is_open(self) -> bool:
        """Whether direct delivery rests."""
        return time.monotonic() < self.open_until

    def trip(self) -> float:
        """Note a failure and return for how many seconds direct delivery rests."""
        self.open_until = time.monotonic() + PAUSE
        return PAUSE

    def reset(self) -> None:
        """Deliver directly again."""
        self.open_until = 0.0


_breakers: dict[str, Breaker] = {}


def breaker_for(alias: str) -> Breaker:
    """Return the breaker of a backend: one for the whole process, though Django makes a backend a thread."""
    return _breakers.setdefault(alias, Breaker())


def reset_all() -> None:
    """Deliver directly again, on every backend; for tests, which share a process."""
    for breaker in _breakers.values():
        breaker.reset()

"""How long to wait before the next attempt.

A backoff is any callable `(attempt, exception) -> seconds`, where `attempt` is the number of the
attempt that has just failed, from 1. The three usual shapes are here, each with jitter, so that jobs
that failed together do not come back together, and a cap.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

Backoff = Callable[[int, BaseException], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """What the three shapes share.

    `jitter` is the share of the delay by which it may vary to either side (0.1: ±10 %), `cap` the
    longest delay in seconds, jitter included.
    """

    jitter: float = 0.1
    cap: float = 24 * 60 * 60

    def __post_init__(self) -> None:
        if not 0 <= self.jitter <= 1:
            raise ValueError(
                f"{type(self).__name__}(jitter={self.jitter!r}): give a share between 0 (none) and 1."
            )
        if not self.cap >= 0:
            raise ValueError(f"{type(self).__name__}(cap={self.cap!r}): give seconds, 0 or more.")

    def __call__(self, attempt: int, exception: BaseException) -> float:
        try:
            delay = min(self._delay(attempt), self.cap)
        except OverflowError:
            delay = self.cap
        spread = random.uniform(1 - self.jitter, 1 + self.jitter)  # noqa: S311 - no secret
        return min(delay * spread, self.cap)

    def _delay(self, attempt: int) -> float:
        raise NotImplementedError


def _must_not_be_negative(shape: _Shape, **given: float) -> None:
    for name, value in given.items():
        if not value >= 0:
            raise ValueError(f"{type(shape).__name__}({name}={value!r}): give seconds, 0 or more.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant(_Shape):
    """The same delay after each attempt: `seconds`."""

    seconds: float

    def __post_init__(self) -> None:
        _Shape.__post_init__(self)
        _must_not_be_negative(self, seconds=self.seconds)

    def _delay(self, attempt: int) -> float:
        return self.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear(_Shape):
    """`step` seconds more after each attempt: step, 2·step, 3·step, …"""

    step: float

    def __post_init__(self) -> None:
        _Shape.__post_init__(self)
        _must_not_be_negative(self, step=self.step)

    def _delay(self, attempt: int) -> float:
        return self.step * attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class Exponential(_Shape):
    """`base` to the power of the attempt, in seconds: base, base², base³, …"""

    base: float = 2

    def __post_init__(self) -> None:
        _Shape.__post_init__(self)
        if not self.base >= 1:
            raise ValueError(f"Exponential(base={self.base!r}): give 1 or more, or the delays shrink.")

    def _delay(self, attempt: int) -> float:
        return float(self.base**attempt)

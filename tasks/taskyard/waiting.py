"""Waiting for a condition, with a deadline."""

import time
from collections.abc import Callable
from typing import Any


def wait_until(condition: Callable[[], object], what: str, seconds: float = 30.0) -> Any:
    """Return what the condition yields once it is true.

    Raises:
        AssertionError: naming `what`, where that takes longer than `seconds`.
    """
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"After {seconds:.0f} s still not true: {what}")
        time.sleep(0.02)

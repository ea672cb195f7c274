"""Telling an operator that the broker is out of reach, without filling the log."""

import logging
import time

logger = logging.getLogger(__name__)

SILENCE = 5.0
"""Seconds between two log lines about the same outage."""


class Outage:
    """Says that the broker is out of reach, not too often, and that it is back."""

    def __init__(self) -> None:
        self._is_on = False
        self._said_at = 0.0

    def note(self, error: BaseException) -> None:
        """Note that the broker could not be reached."""
        now = time.monotonic()
        if not self._is_on or now >= self._said_at + SILENCE:
            logger.warning("The broker is out of reach (%s); trying again.", error or type(error).__name__)
            self._said_at = now
        self._is_on = True

    def end(self) -> None:
        """Note that the broker has answered."""
        if self._is_on:
            logger.info("The broker answers again.")
        self._is_on = False

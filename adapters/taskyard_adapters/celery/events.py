"""Celery's events, sent from a loop while the threads that run jobs go on adding to them."""

from typing import Any

from celery.events import EventDispatcher  # type: ignore[import-untyped]


class ThreadSafeDispatcher(EventDispatcher):  # type: ignore[misc]
    """Sends what has gathered, and leaves what is added meanwhile for the next time.

    Celery's own empties the whole list after sending it, also of what came in between: then Flower shows a
    job as running for ever.
    """

    def flush(self, errors: bool = True, groups: bool = True) -> None:  # noqa: FBT001, FBT002 - Celery's own
        """Send what has gathered.

        Args:
            errors: the events that could not be sent before.
            groups: those that are sent together.
        """
        super().flush(errors=errors, groups=False)
        if groups:
            self._flush_groups()

    def _flush_groups(self) -> None:
        with self.mutex:
            for group, events in list(self._group_buffer.items()):
                gathered: list[Any] = events[:]
                if gathered:
                    self._publish(gathered, self.producer, f"{group}.multi")
                    del events[: len(gathered)]

"""What the embedded engine can be told in `TASKS[alias]["OPTIONS"]`."""

from dataclasses import dataclass

from taskyard.backend import BackendOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedOptions(BackendOptions):
    """What `TASKS[alias]["OPTIONS"]` may hold on the embedded engine."""

    POLL_INTERVAL: float = 0.1
    """Seconds between two looks at the table of an idle worker, where nothing wakes it (SQLite, MySQL)."""

    def __post_init__(self) -> None:
        BackendOptions.__post_init__(self)
        if not isinstance(self.POLL_INTERVAL, int | float) or not 0 < self.POLL_INTERVAL <= 60:
            raise ValueError("POLL_INTERVAL must be seconds above 0 and up to 60.")

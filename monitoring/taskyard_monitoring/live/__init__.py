"""What open pages are told while they are open: one watcher a process, any number of listeners."""

from .view import stream
from .watcher import watcher

__all__ = ["stream", "watcher"]

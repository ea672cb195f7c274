"""arq: jobs over Redis, run on one event loop a process."""

from .backend import ArqBackend

__all__ = ["ArqBackend"]

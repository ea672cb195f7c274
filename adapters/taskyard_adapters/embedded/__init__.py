"""The engine that needs nothing but the database: its queue is the jobs' table itself."""

from .backend import EmbeddedBackend

__all__ = ["EmbeddedBackend"]

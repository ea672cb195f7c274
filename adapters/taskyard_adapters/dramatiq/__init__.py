"""Dramatiq: jobs over Redis or RabbitMQ, run on threads."""

from .backend import DramatiqBackend

__all__ = ["DramatiqBackend"]

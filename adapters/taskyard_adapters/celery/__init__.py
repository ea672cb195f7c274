"""Celery: jobs' ids travel over Redis or RabbitMQ, Celery's own worker fetches them."""

from .backend import CeleryBackend

__all__ = ["CeleryBackend"]

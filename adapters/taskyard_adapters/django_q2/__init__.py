"""Django-Q2 as the carrier: messages wait in its table or in Redis, signed packages of its own kind."""

from .backend import DjangoQ2Backend

__all__ = ["DjangoQ2Backend"]

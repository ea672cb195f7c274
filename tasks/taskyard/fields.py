"""A JSON column that survives what other hands wrote into it."""

import json
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


@dataclass(frozen=True, slots=True)
class CorruptJSON:
    """Stands where a column's text is no JSON."""

    text: str
    fault: str


class JobJSONField(models.JSONField):
    """A `JSONField` that yields `CorruptJSON` for what is none, so that nobody takes the text for a value.

    It does not raise: a claim returns many rows at once, and one corrupt row must not take the others'
    claims with it. The row fails by itself, with the reason, when its turn comes.
    """

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> Any:
        decoded = super().from_db_value(value, expression, connection)
        if isinstance(value, str) and decoded == value:
            # No JSON text decodes to itself: Django hands out what it could not read.
            return CorruptJSON(text=value, fault=_fault_in(value))
        return decoded


def _fault_in(text: str) -> str:
    try:
        json.loads(text)
    except json.JSONDecodeError as fault:
        return str(fault)
    raise AssertionError(f"{text!r} is JSON")

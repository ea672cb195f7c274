"""Whose a job is: the user on whose behalf it was enqueued, also by other jobs of theirs."""

from collections.abc import Mapping
from typing import Any

LONGEST_OWNER = 64
"""Characters of a user's key that are kept."""


def owner_key(user: object) -> str:
    """Return a user's primary key as jobs keep it."""
    return str(user)[:LONGEST_OWNER]


def owner_of(metadata: Mapping[str, Any]) -> str | None:
    """Return whose a job with these metadata is: `user`, where somebody is named; see `taskyard.metadata`."""
    user = metadata.get("user")
    return owner_key(user) if isinstance(user, str | int) and user != "" else None

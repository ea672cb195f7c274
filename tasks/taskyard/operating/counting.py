"""Counting that never hurts the database: up to a cap, and "10,000+" beyond it."""

from typing import Any

from django.db.models import QuerySet

from taskyard.database import explained_errors

CAP = 10_000
"""Beyond so many rows nobody needs the exact number, and no page should wait for it."""


class Capped(int):
    """A count that says so where it stopped at the cap."""

    cap = CAP

    @property
    def is_capped(self) -> bool:
        """Whether there are more."""
        return self >= self.cap

    def __str__(self) -> str:
        return f"{self.cap:,}+" if self.is_capped else f"{int(self):,}"


def capped(rows: "QuerySet[Any]", *order: str) -> Capped:
    """Count rows, but no more than the cap.

    Args:
        order: that of the index which leads to them, where a database would take another one without it.
    """
    with explained_errors():
        return Capped(rows.order_by(*order).values("pk")[:CAP].count())

"""What was found in a project, and how much work it is."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Effort(StrEnum):
    """How much a change asks of whoever makes it."""

    MECHANICAL = "mechanical"
    """The new line says the same."""

    DECISION = "decision"
    """There is a counterpart, and something about it to be chosen or known."""

    NONE = "no counterpart"
    """Taskyard has no such thing; the page says what others did instead."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One use of another queue."""

    path: Path
    line: int
    column: int
    origin: str
    """From which queue, such as `"celery"`."""

    before: str
    """The code, shortened."""

    after: str
    """What it becomes."""

    effort: Effort
    page: str
    """Where it is explained, within the documentation."""

    is_certain: bool
    """False where nothing in the source says what the object is whose method is called."""

"""The attempts of a job that did not succeed, as its row keeps them.

An entry is a plain dict, so that it can live in a JSON column:
`{"outcome", "attempt", "worker", "started_at", "ended_at", "error": {"type", "traceback"}}`.
Attempts that were handed back uncounted leave no entry; a requeue by an operator leaves one that ends
the counting of what was before it. Snoozes in a row share one entry, which counts them: a job may put itself
off any number of times, and its row must not grow with it.
"""

from collections.abc import Iterable
from datetime import datetime
from traceback import format_exception
from typing import TYPE_CHECKING, Any

from .payload import clean_text

if TYPE_CHECKING:
    from .models import Job

FAILED = "failed"
LOST = "lost"
CANCELLED = "cancelled"
REQUEUED = "requeued"
SNOOZED = "snoozed"

LONGEST_TRACEBACK = 20_000
"""Characters of a traceback that are kept: its two ends, where the reasons stand."""

Entry = dict[str, Any]


def ended(job: "Job", outcome: str, error: BaseException, ended_at: datetime | None) -> list[Entry]:
    """Return the job's history with its present attempt added, ended at a time of the database's clock."""
    entry = {
        "outcome": outcome,
        "attempt": job.attempt,
        "worker": job.worker,
        "started_at": job.last_attempted_at and job.last_attempted_at.isoformat(),
        "ended_at": ended_at and ended_at.isoformat(),
        "error": describe(error),
    }
    return [*job.history(), entry]


def requeued(job: "Job", at: datetime) -> list[Entry]:
    """Return the job's history with the mark of a requeue."""
    return [*job.history(), {"outcome": REQUEUED, "ended_at": at.isoformat()}]


def snoozed(job: "Job", until: datetime | None) -> list[Entry]:
    """Return the job's history with one more snooze."""
    *before, last = job.history() or [{}]
    if last.get("outcome") == SNOOZED:
        times = snoozes([last]) + 1
    else:
        before, times = job.history(), 1
    return [*before, {"outcome": SNOOZED, "times": times, "until": until and until.isoformat()}]


def snoozes(entries: Iterable[Entry]) -> int:
    """Count the snoozes since the latest requeue."""
    counted = 0
    for entry in entries:
        if entry.get("outcome") == REQUEUED:
            counted = 0
        elif entry.get("outcome") == SNOOZED and isinstance(entry.get("times"), int):
            counted += entry["times"]
    return counted


def describe(error: BaseException) -> dict[str, str]:
    """Return an exception as the class path and traceback that Django's `TaskError` holds."""
    kind = type(error)
    return {
        "type": f"{kind.__module__}.{kind.__qualname__}",
        "traceback": _storable("".join(format_exception(error))),
    }


def count(entries: Iterable[Entry], outcome: str) -> int:
    """Count the entries with this outcome since the latest requeue."""
    counted = 0
    for entry in entries:
        if entry.get("outcome") == REQUEUED:
            counted = 0
        elif entry.get("outcome") == outcome:
            counted += 1
    return counted


def readable(column: Any) -> list[Entry]:
    """Return the entries of a column that other hands may have written to, each in its proper shape."""
    entries = column if isinstance(column, list) else []
    return [_in_shape(entry) for entry in entries if isinstance(entry, dict)]


def _in_shape(entry: Entry) -> Entry:
    error = entry.get("error")
    fits = {
        "worker": isinstance(entry.get("worker"), str),
        "error": isinstance(error, dict)
        and isinstance(error.get("type"), str)
        and isinstance(error.get("traceback"), str),
    }
    return {key: value for key, value in entry.items() if fits.get(key, True)}


def _storable(text: str) -> str:
    """Cut the middle of a long traceback, and what no database's JSON column takes."""
    text = clean_text(text)
    if len(text) <= LONGEST_TRACEBACK:
        return text
    half = LONGEST_TRACEBACK // 2
    return f"{text[:half]}\n… {len(text) - 2 * half} characters left out …\n{text[-half:]}"

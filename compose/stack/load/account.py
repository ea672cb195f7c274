"""Every job that was enqueued, against what the database and the ledger say of it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise

from taskyard.history import LOST, count
from taskyard.models import Job

from .ledger import Execution
from .mix import Enqueued

AT_ONCE = 500

FINISHED = {"SUCCESSFUL", "FAILED", "CANCELLED"}


@dataclass(slots=True)
class Sheet:
    """What came of the jobs of one engine."""

    enqueued: int = 0
    states: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    lost_runs: int = 0
    """Runs whose worker died."""

    waits: list[float] = field(default_factory=list)
    """Seconds from when a job was due until it was taken for the first time."""

    def wait(self, part: float) -> float:
        """Return a quantile of the waits, in seconds."""
        waits = sorted(self.waits)
        return waits[min(int(part * len(waits)), len(waits) - 1)] if waits else float("nan")


def account(
    enqueued: Sequence[Enqueued], runs: dict[str, list[Execution]]
) -> tuple[dict[str, Sheet], list[str]]:
    """Return a sheet for each engine, and all that is not as it must be."""
    rows = {str(row.id): row for row in _rows([each.id for each in enqueued])}
    sheets: dict[str, Sheet] = {}
    faults: list[str] = []
    for each in enqueued:
        sheet = sheets.setdefault(each.backend, Sheet())
        seen = runs.get(each.id, [])
        sheet.enqueued += 1
        sheet.runs += len(seen)
        row = rows.get(each.id)
        if row is None:
            faults.append(f"{each.id} ({each.kind.name} on {each.backend}) is lost: no such row.")
            continue
        sheet.states[row.state] += 1
        sheet.lost_runs += count(row.history(), LOST)
        if row.started_at:
            due = max(row.enqueued_at, row.run_after or row.enqueued_at)
            sheet.waits.append((row.started_at - due) / timedelta(seconds=1))
        faults += [
            f"{each.id} ({each.kind.name} on {each.backend}): {fault}" for fault in _faults(each, row, seen)
        ]
    return sheets, faults


def _rows(ids: Sequence[str]) -> Iterator[Job]:
    for start in range(0, len(ids), AT_ONCE):
        yield from Job.objects.filter(pk__in=ids[start : start + AT_ONCE])


def _faults(enqueued: Enqueued, row: Job, seen: Sequence[Execution]) -> Iterable[str]:
    kind = enqueued.kind
    if row.state != kind.state:
        yield f"is {row.state}, not {kind.state}."
    if row.backend != enqueued.backend:
        yield f"is on {row.backend}."
    if row.run_after and row.started_at and row.started_at < row.run_after:
        yield f"began at {row.started_at}, before its time {row.run_after}."
    # Who dies has run the job, or was about to: at least once is what is promised, and never two at a time.
    most = kind.runs + count(row.history(), LOST)
    if not kind.runs <= len(seen) <= most:
        yield f"has run {len(seen)} times; {kind.runs} were due, and {most - kind.runs} lost their worker."
    if any(first.ended and first.ended > then.began for first, then in pairwise(seen)):
        yield "ran twice at the same time."


def unfinished(ids: Sequence[str]) -> int:
    """Count the jobs that are still to be finished, or nowhere."""
    found = (
        Job.objects.filter(pk__in=ids[start : start + AT_ONCE], state__in=FINISHED).count()
        for start in range(0, len(ids), AT_ONCE)
    )
    return len(ids) - sum(found)

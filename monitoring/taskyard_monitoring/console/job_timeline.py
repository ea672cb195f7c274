"""The life of a job as stretches of time: how long it waited, ran, and waited again."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from taskyard.models import Job
from taskyard.states import JobState

LEAST_WIDTH = 0.6
"""Percent of the line's length that even the shortest stretch gets, so that it can be seen."""

FIRST, NEXT = "Waited for a worker", "Waited for the next attempt"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some of a job's time, spent in one way."""

    kind: str
    """`put-off`: it waited for a time it was given; `waiting`: for a worker; else how the attempt ended, or
    `running`."""

    title: str
    begin: datetime
    end: datetime
    is_over: bool = True

    @property
    def length(self) -> timedelta:
        """How long it took."""
        return self.end - self.begin


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch as it is drawn: in percent of the whole line."""

    stretch: Stretch
    left: float
    width: float


def stretches(job: Job, now: datetime) -> list[Stretch]:
    """Return how a job has spent its time until now, oldest first."""
    found: list[Stretch] = []
    since = job.enqueued_at
    earliest = job.run_after
    for attempt in _attempts(job, now):
        found += _waits(since, attempt.begin, earliest, NEXT if found else FIRST)
        found.append(attempt)
        since, earliest = attempt.end, None
    if not job.is_finished and job.state != JobState.RUNNING:
        due = job.due_at if job.delivered_at is None else None
        found += _waits(since, now, due if found else earliest, "Waits for a worker", is_over=False)
    elif job.state == JobState.CANCELLED and job.finished_at is not None and since < job.finished_at:
        found += _waits(since, job.finished_at, earliest, NEXT if found else FIRST)
    return found


def drawn(found: list[Stretch]) -> list[Piece]:
    """Return stretches to scale."""
    if not found:
        return []
    begin, end = found[0].begin, max(each.end for each in found)
    whole = (end - begin).total_seconds() or 1.0
    pieces = []
    for each in found:
        left = 100 * (each.begin - begin).total_seconds() / whole
        width = max(LEAST_WIDTH, 100 * each.length.total_seconds() / whole)
        pieces.append(Piece(each, round(min(left, 100 - width), 3), round(width, 3)))
    return pieces


def _attempts(job: Job, now: datetime) -> Iterator[Stretch]:
    for entry in job.history():
        begin, end = moment_in(entry.get("started_at")), moment_in(entry.get("ended_at"))
        if begin is not None and end is not None:
            outcome = str(entry.get("outcome"))
            yield Stretch(outcome, f"Attempt {entry.get('attempt', '?')} {outcome}", begin, max(begin, end))
    if job.last_attempted_at is None:
        return
    if job.state == JobState.RUNNING:
        yield Stretch("running", f"Attempt {job.attempt} runs", job.last_attempted_at, now, is_over=False)
    elif job.state == JobState.SUCCESSFUL and job.finished_at is not None:
        yield Stretch("succeeded", f"Attempt {job.attempt} succeeded", job.last_attempted_at, job.finished_at)


def _waits(
    begin: datetime, end: datetime, earliest: datetime | None, title: str, *, is_over: bool = True
) -> Iterator[Stretch]:
    """Yield the wait until a time that the job was given, and the wait for a worker after it."""
    if earliest is not None and earliest > begin:
        yield Stretch("put-off", "Not due yet", begin, min(earliest, end), is_over=is_over or earliest <= end)
        begin = earliest
    if end > begin:
        yield Stretch("waiting", title, begin, end, is_over)


def moment_in(text: Any) -> datetime | None:
    """Read a time of the history as the site's columns have theirs; None where it is none."""
    try:
        moment = parse_datetime(text) if isinstance(text, str) else None
    except ValueError:
        return None
    if moment is None or timezone.is_aware(moment) == settings.USE_TZ:
        return moment
    return timezone.make_aware(moment) if settings.USE_TZ else timezone.make_naive(moment)

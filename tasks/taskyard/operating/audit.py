"""Who did what to jobs, queues, schedules and workers: written by each tool, read by whoever asks later.

An action that is one statement of ours (pausing, resuming, a schedule's run) shares a transaction with its
entry, so there is neither without the other: `recorded_with`. What goes through jobs batch by batch commits
as it goes, and tells the receivers of `job_cancelled` at once, so its entry is written after it, with how
many it got to, also where it breaks off: `recorded_after`. The jobs are cancelled by then whether or not
the entry can be written; if it cannot, the log has it instead, and the action has not failed.

Entries are kept for good. What changed nothing is not recorded.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError, transaction
from django.db.models import Q, QuerySet

from taskyard.database import DatabaseNow, explained_errors, jobs_alias
from taskyard.exceptions import NotMigrated
from taskyard.models import AuditEntry
from taskyard.payload import clean_text

logger = logging.getLogger(__name__)

CONSOLE = "console"
ADMIN = "admin"
API = "api"
COMMAND_LINE = "command line"

SOURCES = (CONSOLE, ADMIN, API, COMMAND_LINE)
"""The tools that people act with."""

WINDOW = 20_000
"""How many entries one page looks through, newest first, where not all of them are wanted."""


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody who acts, with what, and why."""

    user: str
    source: str
    reason: str = ""


class Tally:
    """Counts what is done as it is done."""

    count = 0

    def add(self, done: int) -> None:
        """Count so many more."""
        self.count += done


def record(*, user: str, source: str, action: str, subject: str, count: int, reason: str = "") -> None:
    """Write an entry; nothing where `count` is 0, for then nothing was done.

    Args:
        user: who did it, by name.
        source: with what: one of `SOURCES`.
        action: what was done, such as "cancel".
        subject: to what: a job, a search, a queue, a schedule, a worker.
        count: to how many.
        reason: why, in the words of who did it.
    """
    if not count:
        return
    with explained_errors():
        AuditEntry.objects.using(jobs_alias()).create(
            at=DatabaseNow(),
            user=_fitting("user", user),
            source=source,
            action=_fitting("action", action),
            subject=clean_text(subject),
            count=count,
            reason=clean_text(reason),
        )


@contextmanager
def recorded_with(operator: Operator, action: str, subject: str) -> Iterator[Tally]:
    """Record what the block does, in one transaction with it; the block counts on the tally it gets."""
    tally = Tally()
    with transaction.atomic(using=jobs_alias()):
        yield tally
        _record(operator, action, subject, tally)


@contextmanager
def recorded_after(operator: Operator, action: str, subject: str) -> Iterator[Tally]:
    """Record what the block did, however it ends; the block counts on the tally it gets."""
    tally = Tally()
    try:
        yield tally
    finally:
        try:
            # A savepoint, so that a transaction around the whole outlives an entry that is not taken.
            with transaction.atomic(using=jobs_alias()):
                _record(operator, action, subject, tally)
        except (DatabaseError, NotMigrated):
            logger.exception(
                "No entry could be written of what %s did (%s): %s %s, %d in all. %s",
                *(operator.user, operator.source, action, subject, tally.count, operator.reason),
            )


def _record(operator: Operator, action: str, subject: str, tally: Tally) -> None:
    record(
        user=operator.user,
        source=operator.source,
        action=action,
        subject=subject,
        count=tally.count,
        reason=operator.reason,
    )


def _fitting(column: str, text: str) -> str:
    field: Any = AuditEntry._meta.get_field(column)
    return clean_text(text)[: field.max_length]


# --- reading ---


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Some of the entries that were looked for, newest first."""

    entries: list[AuditEntry]
    go_on_before: int | None
    """Where the next page starts; None: there is none."""

    is_end_of_window: bool = False
    """Whether the page ends because enough entries were looked through: older ones may fit as well."""


def entries(
    *, before: int | None = None, user: str = "", action: str = "", text: str = "", size: int = 50
) -> AuditPage:
    """Return a page of entries, newest first, after looking through `WINDOW` of them at most.

    Args:
        before: where the previous page said to go on.
        user: who did it, by the whole name; "": anybody.
        action: what was done, such as "cancel"; "": anything.
        text: stands in the subject or in the reason, in whatever case.
        size: entries at most.
    """
    scope = AuditEntry.objects.using(jobs_alias()).order_by("-pk")
    if before is not None:
        scope = scope.filter(pk__lt=before)
    wanted = _wanted(user, action, text)
    with explained_errors():
        end = _end_of_window(scope) if wanted else None
        found = list(_from(end, scope).filter(wanted)[: size + 1])
    if len(found) > size:
        return AuditPage(found[:size], go_on_before=found[size - 1].pk)
    return AuditPage(found, go_on_before=end, is_end_of_window=end is not None)


def newest(scope: "QuerySet[AuditEntry]") -> "QuerySet[AuditEntry]":
    """Return as many entries as one page looks through."""
    with explained_errors():
        return _from(_end_of_window(scope.order_by("-pk")), scope)


def _wanted(user: str, action: str, text: str) -> Q:
    wanted = Q()
    if user:
        wanted &= Q(user=user)
    if action:
        wanted &= Q(action=action)
    if text:
        wanted &= Q(subject__icontains=text) | Q(reason__icontains=text)
    return wanted


def _from(end: int | None, scope: "QuerySet[AuditEntry]") -> "QuerySet[AuditEntry]":
    return scope if end is None else scope.filter(pk__gte=end)


def _end_of_window(scope: "QuerySet[AuditEntry]") -> int | None:
    """Return the oldest entry that a page looks at, None where there are no older ones to leave out."""
    return scope.values_list("pk", flat=True)[WINDOW - 1 : WINDOW].first()

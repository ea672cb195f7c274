"""Bringing the schedules that the code declares into the table, beside what operators made of them.

Each row remembers what the code said when it was last read. What the code has changed since is taken over
where the row still holds the old; what an operator changed stays.
"""

import logging
from collections.abc import Iterable, Iterator
from datetime import timedelta
from importlib import import_module
from typing import Any

from django.apps import apps
from django.db import transaction
from django.utils.module_loading import module_has_submodule

from taskyard.database import DatabaseNow, explained_errors, jobs_alias
from taskyard.models import Schedule

from .declaring import Declaration, declared

logger = logging.getLogger(__name__)

PARTS = (
    ("task",),
    ("args", "kwargs"),
    ("cron", "interval", "timezone"),
    ("missed", "catch_up_window"),
    ("overlap",),
    ("jitter",),
)
"""Columns that are taken over together: half of a rule would be none."""

TIMES = PARTS[2]
"""The columns that say when the slots are."""

COLUMNS = tuple(column for part in PARTS for column in part)

VANISHED = "The code declares this schedule no longer. Delete it, or resume it to go on without the code."


def sync_declared() -> None:
    """Write to the table what the code declares: new schedules, changed ones, and which are gone.

    Any number of processes may do so at once.
    """
    _import_tasks_modules()
    alias = jobs_alias()
    with explained_errors():
        rows = {row.name: row for row in Schedule.objects.using(alias).all()}
        for declaration in declared().values():
            row = rows.get(declaration.name)
            if row is None or row.declared != snapshot(declaration) or row.fault == VANISHED:
                _write(alias, declaration)
        for row in rows.values():
            if row.declared is not None and row.fault != VANISHED and _is_gone(row):
                _pause_vanished(alias, row)


def changed_by_hand(schedule: Schedule) -> list[str]:
    """Return the columns in which a declared schedule is not as the code says."""
    if not isinstance(schedule.declared, dict):
        return []
    present = snapshot(schedule)
    return [column for column in COLUMNS if present[column] != schedule.declared.get(column)]


def snapshot(source: Declaration | Schedule) -> dict[str, Any]:
    """Return what a declaration or a row says, as JSON."""
    return {column: _as_json(getattr(source, column)) for column in COLUMNS}


def _as_json(value: Any) -> Any:
    return value.total_seconds() if isinstance(value, timedelta) else value


def _write(alias: str, declaration: Declaration) -> None:
    columns = {column: getattr(declaration, column) for column in COLUMNS}
    said = snapshot(declaration)
    new = Schedule(name=declaration.name, declared=said, **columns)
    # Another process may be writing the same one.
    Schedule.objects.using(alias).bulk_create([new], ignore_conflicts=True)
    with transaction.atomic(using=alias):
        row = Schedule.objects.using(alias).select_for_update().get(name=declaration.name)
        changes = {column: columns[column] for column in _to_take_over(row, said)}
        for column, value in changes.items():
            setattr(row, column, value)
        if row.fault == VANISHED:
            # Its slots meanwhile were missed, for nobody could fire them.
            row.fault, row.paused_at = "", None
        if any(column in changes for column in TIMES):
            row.next_slot = None  # the next dispatcher reckons it from the database's clock
        row.declared = said
        kept = ["declared", "fault", "paused_at", "next_slot", "changed_at"]
        row.save(using=alias, update_fields=[*changes, *kept])


def _to_take_over(row: Schedule, said: dict[str, Any]) -> Iterator[str]:
    """Yield the columns that the code has changed and no operator."""
    before = row.declared if isinstance(row.declared, dict) else {}
    present = snapshot(row)
    for part in PARTS:
        old = [before.get(column) for column in part]
        if [present[column] for column in part] == old != [said[column] for column in part]:
            yield from part


# --- what is gone ---


def _is_gone(row: Schedule) -> bool:
    """Tell whether the code, as this process has it, declares a schedule no longer."""
    if row.name in declared():
        return False
    module = row.task.rpartition(".")[0]
    try:
        import_module(module)  # perhaps nobody has yet
    except ModuleNotFoundError:
        return True
    except Exception:
        return False  # it is broken: what it would declare nobody knows
    return row.name not in declared()


def _pause_vanished(alias: str, row: Schedule) -> None:
    unseen = Schedule.objects.using(alias).filter(pk=row.pk, paused_at=None)
    if unseen.update(paused_at=DatabaseNow(), fault=VANISHED):
        logger.warning("Schedule %r is paused: the code declares it no longer.", row.name)


def _import_tasks_modules() -> None:
    """Import the module `tasks` of each app, so that its schedules are declared."""
    for name in _tasks_modules():
        try:
            import_module(name)
        except Exception:
            logger.exception("The schedules in %s are not read: it cannot be imported.", name)


def _tasks_modules() -> Iterable[str]:
    for app in apps.get_app_configs():
        if app.module is not None and module_has_submodule(app.module, "tasks"):
            yield f"{app.name}.tasks"

"""System checks: what is wrong with a site's settings, and what to do."""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

from django.core import checks
from django.db import connections, router

from .backend import JobBackend, job_backends
from .engines import DEFAULT_PREFIX, BrokerOptions


@checks.register
def check_sqlite(**_: Any) -> list[checks.CheckMessage]:
    """Warn of SQLite settings under which web processes and workers lock each other out."""
    from .models import Job  # noqa: PLC0415

    alias = router.db_for_write(Job)
    settings = connections.settings[alias]
    if not settings["ENGINE"].endswith(("sqlite3", "spatialite")):
        return []
    options = settings.get("OPTIONS", {})
    faults = []
    if str(options.get("transaction_mode")).upper() not in {"IMMEDIATE", "EXCLUSIVE"}:
        faults.append('"transaction_mode": "IMMEDIATE"')
    if "wal" not in str(options.get("init_command", "")).lower():
        faults.append('"init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"')
    if not faults:
        return []
    return [
        checks.Warning(
            f'The SQLite database {alias!r} answers "database is locked" once a worker runs beside the site.',
            hint=f"Put {' and '.join(faults)} in DATABASES[{alias!r}]['OPTIONS'], or leave those keys out.",
            id="taskyard.W001",
        )
    ]


@checks.register
def check_shared_queues(**_: Any) -> list[checks.CheckMessage]:
    """Refuse two backends whose workers would take each other's messages."""
    return [
        checks.Error(
            f"The backends {one.alias!r} and {other.alias!r} have the same queues on the same broker: the "
            "workers of each take the other's jobs.",
            hint=f"Give one of them a PREFIX of its own in TASKS[{other.alias!r}]['OPTIONS'], or QUEUES that "
            "the other does not have.",
            id="taskyard.E001",
        )
        for (one, mine), (other, theirs) in combinations(_backends_with_a_broker(), 2)
        if (one.engine, mine.broker, mine.PREFIX) == (other.engine, theirs.broker, theirs.PREFIX)
        and _queues_meet(one, other)
    ]


@checks.register(deploy=True)
def check_prefix(**_: Any) -> list[checks.CheckMessage]:
    """Warn of a PREFIX that another site on the same broker is likely to have as well."""
    return [
        checks.Warning(
            f"The backend {backend.alias!r} has the usual PREFIX. Another site that shares its broker with "
            "the same PREFIX would take its messages, and this one the other's.",
            hint=f"Set TASKS[{backend.alias!r}]['OPTIONS']['PREFIX'] to a name of this site's, or silence "
            "this check where the broker is this site's alone.",
            id="taskyard.W002",
        )
        for backend, settings in _backends_with_a_broker()
        if settings.PREFIX == DEFAULT_PREFIX
    ]


@checks.register
def check_redaction(**_: Any) -> list[checks.CheckMessage]:
    """Refuse a hook that is not there: nothing of a job's arguments would be shown."""
    from .operating.redaction import load_hook  # noqa: PLC0415 - models load after the app registry

    faults: list[checks.CheckMessage] = []
    for alias, backend in job_backends().items():
        try:
            load_hook(backend.settings.REDACT)
        except Exception as error:  # its module may raise anything while it loads
            faults.append(
                checks.Error(
                    f"TASKS[{alias!r}]['OPTIONS']['REDACT'] names no function that can be imported: {error}",
                    hint="Give the dotted path of a function (task, args, kwargs) that returns the args and "
                    "kwargs to be shown, or leave REDACT out: what is named like a secret is hidden then.",
                    id="taskyard.E002",
                )
            )
    return faults


def _backends_with_a_broker() -> Iterator[tuple[JobBackend, BrokerOptions]]:
    for backend in job_backends().values():
        if isinstance(backend.settings, BrokerOptions):
            yield backend, backend.settings


def _queues_meet(one: JobBackend, other: JobBackend) -> bool:
    return not one.queues or not other.queues or bool(one.queues & other.queues)

"""How a migration must look so that the previous version goes on working while the new one comes in.

A deployment runs both for a while, on one database. So a version *expands* the schema, by what the previous one need
not know of; what nobody uses any more a later version *contracts*. Each migration does one of the two, and says which.
"""

import re

from django.db.migrations import Migration, operations

NAME = re.compile(r"\d{4}_(expand|contract)_\w+")

BEFORE_THE_FIRST_VERSION = {("taskyard", "0002_indexes_without_conditions")}
"""With the initial ones, what there was before anybody had a previous version."""

EXPANDING = (operations.CreateModel, operations.AddField, operations.AddIndex, operations.RunPython)


def fault_of(migration: Migration) -> str:
    """Say what is wrong with a migration; nothing where it may go out."""
    if migration.initial or (migration.app_label, migration.name) in BEFORE_THE_FIRST_VERSION:
        return ""
    match = NAME.fullmatch(migration.name)
    if match is None:
        return "its name does not say whether it expands or contracts the schema: 0003_expand_jobs_by_region"
    if match[1] == "contract":
        return ""
    for operation in migration.operations:
        if not isinstance(operation, EXPANDING):
            return f"it expands, so it may not hold {type(operation).__name__}: that belongs into a later version"
        if isinstance(operation, operations.AddField) and not _may_be_left_out(operation.field):
            return f"the previous version writes rows without {operation.name}: let it be null, or give it a db_default"
    return ""


def _may_be_left_out(field: object) -> bool:
    return bool(getattr(field, "null", False) or field.has_db_default())  # type: ignore[attr-defined]

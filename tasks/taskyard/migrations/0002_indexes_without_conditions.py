"""MySQL and MariaDB have no partial indexes: plain ones that start with what the others are limited to.

Their unique indexes take any number of NULLs, so there the condition is not missed.
"""

from django.apps.registry import Apps as StateApps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

INDEXES = (
    models.Index(
        fields=["state", "backend", "queue", "-priority", "delivered_at", "id"],
        name="taskyard_job_waiting",
    ),
    models.Index(fields=["state", "delivered_at", "due_at"], name="taskyard_job_due"),
    models.Index(fields=["state", "worker"], name="taskyard_job_running"),
    models.Index(fields=["prune_at"], name="taskyard_job_prune"),
    models.Index(fields=["schedule", "state"], name="taskyard_job_scheduled"),
    models.Index(fields=["cancel_requested_at"], name="taskyard_job_cancel"),
    models.Index(fields=["finished_at"], name="taskyard_job_finished"),
    models.Index(fields=["owner", "id"], name="taskyard_job_owner"),
    models.Index(fields=["state", "id"], name="taskyard_job_state"),
)
CONSTRAINTS = (
    models.UniqueConstraint(fields=["unique_key"], name="taskyard_job_unique_key"),
    models.UniqueConstraint(fields=["schedule", "slot"], name="taskyard_job_slot"),
)


def add(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.features.supports_partial_indexes:
        return
    job = apps.get_model("taskyard", "Job")
    for index in INDEXES:
        schema_editor.add_index(job, index)
    for constraint in CONSTRAINTS:
        schema_editor.add_constraint(job, constraint)


def remove(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.features.supports_partial_indexes:
        return
    job = apps.get_model("taskyard", "Job")
    for constraint in CONSTRAINTS:
        schema_editor.remove_constraint(job, constraint)
    for index in INDEXES:
        schema_editor.remove_index(job, index)


class Migration(migrations.Migration):
    atomic = False  # MySQL commits with every DDL statement
    dependencies = [("taskyard", "0001_initial")]

    operations = [migrations.RunPython(add, remove)]

"""MySQL and MariaDB have no partial indexes: plain ones that start with what the others are limited to."""

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
)


def add(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.features.supports_partial_indexes:
        return
    for index in INDEXES:
        schema_editor.add_index(apps.get_model("taskyard", "Job"), index)


def remove(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.features.supports_partial_indexes:
        return
    for index in INDEXES:
        schema_editor.remove_index(apps.get_model("taskyard", "Job"), index)


class Migration(migrations.Migration):
    atomic = False  # MySQL commits with every DDL statement
    dependencies = [("taskyard", "0001_initial")]

    operations = [migrations.RunPython(add, remove)]

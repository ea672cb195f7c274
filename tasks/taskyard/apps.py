"""The Django app that holds the jobs' table."""

from django.apps import AppConfig


class TaskyardConfig(AppConfig):
    """Registers the model, SQLite's settings and the system checks."""

    name = "taskyard"
    verbose_name = "Taskyard"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Prepare SQLite databases before their first connection is made."""
        from . import asgi_checks, checks, sqlite  # noqa: F401, PLC0415 - checks register themselves

        sqlite.prepare_databases()

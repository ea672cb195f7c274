"""The Django app that holds the workers' table and commands."""

from django.apps import AppConfig


class TaskyardWorkersConfig(AppConfig):
    """Brings `manage.py worker` and `manage.py dispatcher`."""

    name = "taskyard_workers"
    verbose_name = "Taskyard workers"
    default_auto_field = "django.db.models.BigAutoField"

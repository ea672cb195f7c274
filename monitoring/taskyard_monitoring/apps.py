"""The Django app of metrics, health and the console."""

from django.apps import AppConfig


class TaskyardMonitoringConfig(AppConfig):
    """Brings the console's pages, its tables, and the instruments of worker processes."""

    name = "taskyard_monitoring"
    verbose_name = "Taskyard monitoring"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the instruments to what they measure."""

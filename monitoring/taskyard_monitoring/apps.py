"""The Django app of metrics, health and the console."""

from importlib.util import find_spec

from django.apps import AppConfig
from django.core.checks import register


class TaskyardMonitoringConfig(AppConfig):
    """Brings the console's pages, its tables, and the instruments of worker processes."""

    name = "taskyard_monitoring"
    verbose_name = "Taskyard monitoring"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the instruments to what they measure."""
        from . import tracing  # noqa: PLC0415 - models are loaded by now, and not before
        from .console.checks import check_htmx  # noqa: PLC0415
        from .history import recording  # noqa: PLC0415
        from .live import telling  # noqa: PLC0415

        register(check_htmx)
        recording.connect()
        tracing.connect()
        telling.connect()
        if find_spec("ninja"):
            from .api.checks import check_exposed  # noqa: PLC0415

            register(check_exposed)
        if find_spec("prometheus_client"):
            from taskyard_workers.serving import serve_with  # noqa: PLC0415

            from .metrics import instruments, server  # noqa: PLC0415

            instruments.connect()
            serve_with(server.serve)

"""The register of processes that run jobs."""

from django.db import models


class WorkerProcess(models.Model):
    """One process that runs jobs, from its start until it leaves or is declared lost."""

    id = models.CharField(primary_key=True, max_length=96, editable=False)
    name = models.CharField(max_length=80, help_text="What operators see; need not be unique.")
    backend = models.CharField(max_length=64, help_text="Alias in settings.TASKS.")
    host = models.CharField(max_length=255)
    pid = models.PositiveIntegerField()
    queues = models.JSONField(default=list)
    concurrency = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField(help_text="The latest sign of life.")
    lost_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was declared dead; its jobs are taken from it."
    )

    class Meta:
        verbose_name_plural = "worker processes"

    def __str__(self) -> str:
        return self.id

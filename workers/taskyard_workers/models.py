"""The register of processes that run jobs."""

from django.db import models


class Wish(models.TextChoices):
    """What an operator may ask of a worker process."""

    QUIET = "quiet", "Claim no more"
    STOP = "stop", "Stop"


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
    group = models.CharField(
        max_length=96, default="", help_text="Shared by the processes of one `manage.py worker`."
    )
    version = models.CharField(max_length=40, default="", help_text="Of Taskyard.")
    memory = models.BigIntegerField(null=True, blank=True, help_text="Bytes held at the latest beat.")
    claimed_at = models.DateTimeField(
        null=True, blank=True, help_text="Its latest claim, as known at the latest beat."
    )
    wish = models.CharField(
        max_length=8, choices=Wish, default="", blank=True, help_text="What an operator asks it to do."
    )
    lost_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was declared dead; its jobs are taken from it."
    )

    class Meta:
        verbose_name_plural = "worker processes"
        permissions = (("operate_workerprocess", "Can quiet and stop workers"),)

    def __str__(self) -> str:
        return self.id

"""Queues that an operator has paused."""

from django.db import models


class PausedQueue(models.Model):
    """A queue from which no job is claimed, on any backend, until it is resumed. Others have no row."""

    name = models.CharField(primary_key=True, max_length=128)
    paused_at = models.DateTimeField()
    paused_by = models.CharField(max_length=150, blank=True, default="", help_text="Who did it.")

    class Meta:
        default_permissions = ("view",)
        permissions = (("operate_queue", "Can pause and resume queues"),)
        verbose_name = "queue"

    def __str__(self) -> str:
        return self.name

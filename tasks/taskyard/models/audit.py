"""What operators have done, for those who ask later."""

from typing import ClassVar

from django.db import models


class AuditEntry(models.Model):
    """One thing that somebody did to jobs, queues, schedules or workers, from whatever tool."""

    at = models.DateTimeField()
    user = models.CharField(max_length=150, help_text="Who did it, by name.")
    source = models.CharField(max_length=20, help_text="With what: console, admin, api or command line.")
    action = models.CharField(max_length=40, help_text="What was done, such as cancel.")
    subject = models.TextField(help_text="To what: a job, a search, a queue, a schedule, a worker.")
    count = models.PositiveIntegerField(help_text="To how many.")
    reason = models.TextField(blank=True, default="", help_text="Why, in the words of who did it.")

    class Meta:
        default_permissions = ("view",)
        verbose_name_plural = "audit entries"
        indexes: ClassVar[list[models.Index]] = [models.Index("at", name="taskyard_audit_at")]

    def __str__(self) -> str:
        return f"{self.action} {self.subject}"

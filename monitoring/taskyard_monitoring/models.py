"""What monitoring keeps in the database: the past of the charts, who may see the console, and API tokens."""

from typing import ClassVar

from django.conf import settings
from django.db import models


class RollUp(models.Model):
    """What one process did with one task's jobs of one queue within one step of time.

    Every process writes rows of its own and knows all they hold, so it replaces them and never adds to them.
    """

    step = models.PositiveSmallIntegerField(help_text="Seconds that the row covers.")
    slot = models.DateTimeField(help_text="When they begin.")
    process = models.CharField(max_length=96, help_text="Id in the register of worker processes.")
    worker = models.CharField(max_length=80, help_text="What operators call that process.")
    backend = models.CharField(max_length=64, help_text="Alias in settings.TASKS.")
    engine = models.CharField(max_length=32)
    queue = models.CharField(max_length=128)
    task = models.CharField(max_length=255)

    succeeded = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    cancelled = models.PositiveIntegerField(default=0)
    retried = models.PositiveIntegerField(default=0)
    run_times = models.JSONField(default=dict, help_text="How many attempts ran for so long, by bucket.")
    waits = models.JSONField(default=dict, help_text="How many attempts waited for so long, by bucket.")

    class Meta:
        default_permissions = ()
        permissions = (
            ("view_console", "Can see the console"),
            ("operate_console", "Can steer jobs, queues and schedules in the console"),
            ("administer_console", "Can quiet and stop workers in the console, and read its audit"),
        )
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["step", "slot", "process", "backend", "queue", "task"],
                name="taskyard_rollup_row",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.task} on {self.worker}, {self.step} s from {self.slot}"


class ApiToken(models.Model):
    """What a program shows instead of a password. The database has its digest alone; it is shown once."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="taskyard_tokens",
        help_text="On whose behalf it acts.",
    )
    name = models.CharField(max_length=100, help_text="What it is for.")
    prefix = models.CharField(max_length=16, help_text="How it begins, by which people tell it from others.")
    digest = models.CharField(max_length=64, unique=True, editable=False, help_text="SHA-256 of it.")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: never.")
    last_used_at = models.DateTimeField(null=True, blank=True, help_text="To within a minute.")
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ("view",)
        permissions = (("revoke_apitoken", "Can revoke API tokens"),)
        verbose_name = "API token"

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

"""The schedule: when jobs of a task come into being by themselves."""

from typing import ClassVar

from django.db import models

from taskyard.fields import JobJSONField


class Missed(models.TextChoices):
    """What becomes of slots that passed while no dispatcher was there."""

    SKIP = "skip", "Skip them"
    RUN_ONCE = "run_once", "One job for all of them"
    CATCH_UP = "catch_up", "A job for each"


class Overlap(models.TextChoices):
    """What becomes of a slot while the job of an earlier one is not finished."""

    ALLOW = "allow", "Run side by side"
    SKIP = "skip", "Skip the slot"


class Schedule(models.Model):
    """One rule by which jobs of a task are enqueued: at the times of a cron expression, or every so often."""

    name = models.CharField(max_length=200, unique=True)
    task = models.CharField(max_length=255, help_text="Dotted path of the task.")
    args = JobJSONField(default=list, blank=True)
    kwargs = JobJSONField(default=dict, blank=True)
    cron = models.CharField(
        max_length=100,
        blank=True,
        default="",
        help_text="Five fields, such as 0 2 * * *; empty: an interval.",
    )
    interval = models.DurationField(null=True, blank=True, help_text="Time between two slots, without cron.")
    timezone = models.CharField(max_length=64, default="UTC", help_text="In which cron is read.")
    missed = models.CharField(max_length=10, choices=Missed, default=Missed.RUN_ONCE)
    catch_up_window = models.DurationField(
        null=True, blank=True, help_text="Slots older than this are not caught up."
    )
    overlap = models.CharField(max_length=10, choices=Overlap, default=Overlap.ALLOW)
    jitter = models.DurationField(
        null=True, blank=True, help_text="Each job starts at random up to so much after its slot."
    )
    queue = models.CharField(max_length=128, blank=True, default="", help_text="Empty: the task's own.")
    priority = models.SmallIntegerField(null=True, blank=True, help_text="Empty: the task's own.")
    backend = models.CharField(max_length=64, blank=True, default="", help_text="Empty: the task's own.")

    paused_at = models.DateTimeField(null=True, blank=True)
    next_slot = models.DateTimeField(null=True, blank=True, help_text="The next time a job is due by it.")
    last_slot = models.DateTimeField(null=True, blank=True, editable=False)
    last_fired_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_success_at = models.DateTimeField(null=True, blank=True, editable=False)
    lateness = models.DurationField(
        null=True, blank=True, editable=False, help_text="From the latest slot to the job it brought about."
    )
    fault = models.TextField(blank=True, default="", editable=False, help_text="Why it does not fire.")
    declared = JobJSONField(
        null=True,
        blank=True,
        editable=False,
        help_text="What the code said when last read; empty for a schedule made by hand.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                "next_slot",
                condition=models.Q(paused_at__isnull=True, next_slot__isnull=False),
                name="taskyard_schedule_next",
            ),
        ]

    def __str__(self) -> str:
        return self.name

"""The job: one enqueued call, and the truth about it."""

from typing import Any, ClassVar
from uuid import UUID

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from taskyard.fields import JobJSONField
from taskyard.history import readable
from taskyard.ids import new_job_id
from taskyard.ownership import LONGEST_OWNER
from taskyard.states import FINISHED, JobState


class Job(models.Model):
    """One enqueued call of a task.

    Rows are written by `taskyard.transitions` and `taskyard.delivery` alone, in guarded statements;
    nothing calls `save()`.
    """

    id = models.UUIDField(primary_key=True, default=new_job_id, editable=False)
    task = models.CharField(max_length=255, help_text="Dotted path of the task.")
    args = JobJSONField(default=list)
    kwargs = JobJSONField(default=dict)
    backend = models.CharField(max_length=64, help_text="Alias in settings.TASKS.")
    queue = models.CharField(max_length=128)
    priority = models.SmallIntegerField(help_text="-100 to 100, larger runs sooner.")
    state = models.CharField(max_length=12, choices=JobState, default=JobState.READY)
    attempt = models.PositiveIntegerField(
        default=0, help_text="How often the job was claimed: the fence that keeps late outcomes out."
    )
    worker = models.CharField(
        max_length=96, default="", blank=True, help_text="Who holds or last held the job."
    )

    enqueued_at = models.DateTimeField()
    run_after = models.DateTimeField(null=True, blank=True, help_text="Not before this, as asked for.")
    due_at = models.DateTimeField(
        null=True, blank=True, help_text="When the dispatcher must next act on the job."
    )
    delivered_at = models.DateTimeField(
        null=True, blank=True, help_text="When the job was handed to its engine; empty: it was not."
    )
    deliveries = models.PositiveSmallIntegerField(default=0, help_text="Deliveries since it became READY.")
    started_at = models.DateTimeField(null=True, blank=True, help_text="Start of the first attempt.")
    last_attempted_at = models.DateTimeField(null=True, blank=True, help_text="Start of the latest attempt.")
    finished_at = models.DateTimeField(null=True, blank=True)
    prune_at = models.DateTimeField(null=True, blank=True, help_text="When a finished job may be deleted.")

    schedule = models.ForeignKey(
        "taskyard.Schedule",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="jobs",
        editable=False,
        db_index=False,  # most jobs have none: see the index and the constraint below
    )
    slot = models.DateTimeField(null=True, blank=True, help_text="The schedule's time that this job is for.")
    unique_key = models.CharField(
        max_length=160, null=True, blank=True, help_text="No two jobs have the same; see taskyard.unique."
    )
    unique_until = models.DateTimeField(
        null=True, blank=True, help_text="Until when the key is kept though the job may have finished."
    )
    cancel_requested_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when its worker is asked to cancel the running job."
    )
    owner = models.CharField(
        max_length=LONGEST_OWNER, null=True, blank=True, help_text="Key of the user who had it enqueued."
    )
    metadata = JobJSONField(
        default=dict, help_text="What travels with the job from its enqueueing to its run."
    )

    return_value = JobJSONField(null=True, blank=True)
    attempts = JobJSONField(default=list, help_text="History of the attempts that did not succeed.")
    progress = JobJSONField(null=True, blank=True)

    class Meta:
        default_permissions = ("view",)
        permissions = (("operate_job", "Can cancel, retry and hurry jobs"),)
        # Each index holds only the rows its statement looks for, so that millions of finished jobs
        # slow nothing.
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                "backend",
                "queue",
                models.F("priority").desc(),
                "delivered_at",
                "id",
                condition=models.Q(state=JobState.READY, delivered_at__isnull=False),
                name="taskyard_job_waiting",
            ),
            models.Index(
                "due_at",
                condition=models.Q(state=JobState.READY, delivered_at__isnull=True),
                name="taskyard_job_due",
            ),
            models.Index(
                "worker",
                condition=models.Q(state=JobState.RUNNING),
                name="taskyard_job_running",
            ),
            models.Index(
                "prune_at",
                condition=models.Q(prune_at__isnull=False),
                name="taskyard_job_prune",
            ),
            models.Index(
                "schedule",
                condition=models.Q(state__in=[JobState.READY, JobState.RUNNING], schedule__isnull=False),
                name="taskyard_job_scheduled",
            ),
            models.Index(
                "cancel_requested_at",
                condition=models.Q(cancel_requested_at__isnull=False),
                name="taskyard_job_cancel",
            ),
            models.Index(
                "finished_at",
                condition=models.Q(finished_at__isnull=False),
                name="taskyard_job_finished",
            ),
            models.Index(
                "owner",
                "id",
                condition=models.Q(owner__isnull=False),
                name="taskyard_job_owner",
            ),
            # For lists by state; the many that succeeded need none. SQLite sees "this or that" alone through.
            models.Index(
                "state",
                "id",
                condition=models.Q(state=JobState.READY)
                | models.Q(state=JobState.RUNNING)
                | models.Q(state=JobState.FAILED)
                | models.Q(state=JobState.CANCELLED),
                name="taskyard_job_state",
            ),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["unique_key"],
                condition=models.Q(unique_key__isnull=False),
                name="taskyard_job_unique_key",
            ),
            models.UniqueConstraint(
                fields=["schedule", "slot"],
                condition=models.Q(slot__isnull=False),
                name="taskyard_job_slot",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.task} {self.id}"

    @property
    def is_finished(self) -> bool:
        """Whether nothing more happens to the job by itself."""
        return self.state in FINISHED

    def history(self) -> list[dict[str, Any]]:
        """Return the ended attempts, oldest first; what is not readable is left out."""
        return readable(self.attempts)


JOB_TABLE = Job._meta.db_table
"""The jobs' table, for statements that are written by hand."""


def job_key(job_id: UUID, connection: BaseDatabaseWrapper) -> Any:
    """Return an id as a hand-written statement passes it to this database."""
    return Job._meta.pk.get_db_prep_value(job_id, connection)

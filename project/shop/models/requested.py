"""What people ask for and a job delivers."""

from django.conf import settings
from django.db import models

from taskyard import TaskResultDoesNotExist, get_result


class Requested(models.Model):
    """Who asked, when, and which job does it."""

    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    job_id = models.CharField(max_length=64, blank=True, db_index=True)

    class Meta:
        abstract = True
        ordering = ("-created_at", "-pk")

    @property
    def state(self) -> str:
        """How far it is, in a word."""
        if self.finished_at:
            return "Done"
        try:
            return str(get_result(self.job_id).status.label)
        except TaskResultDoesNotExist:
            return "Gone"

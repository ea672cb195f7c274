"""Jobs, queues and schedules in Django's admin."""

from . import jobs, queues, schedules

__all__ = ["jobs", "queues", "schedules"]

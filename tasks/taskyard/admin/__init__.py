"""Jobs, queues, schedules and what operators did with them in Django's admin."""

from . import audit, jobs, queues, schedules

__all__ = ["audit", "jobs", "queues", "schedules"]

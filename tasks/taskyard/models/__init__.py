"""What Taskyard keeps in the database."""

from .audit import AuditEntry
from .job import JOB_TABLE, Job, job_key
from .queue import PausedQueue
from .schedule import Missed, Overlap, Schedule

__all__ = ["JOB_TABLE", "AuditEntry", "Job", "Missed", "Overlap", "PausedQueue", "Schedule", "job_key"]

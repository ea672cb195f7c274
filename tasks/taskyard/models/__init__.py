"""What Taskyard keeps in the database."""

from .job import JOB_TABLE, Job, job_key
from .queue import PausedQueue
from .schedule import Missed, Overlap, Schedule

__all__ = ["JOB_TABLE", "Job", "Missed", "Overlap", "PausedQueue", "Schedule", "job_key"]

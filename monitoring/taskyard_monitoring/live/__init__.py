"""What happens to jobs, told to those who listen: one watcher a process, any number of listeners."""

from .ending import end_with_process
from .interest import Interest
from .jobs import etag_of, job_data
from .listener import Ended, Listener
from .news import News
from .view import let_go_of_thread, stream
from .waiting import Unanswered, wait_for_job
from .watcher import Full, watcher

__all__ = [
    "Ended",
    "Full",
    "Interest",
    "Listener",
    "News",
    "Unanswered",
    "end_with_process",
    "etag_of",
    "job_data",
    "let_go_of_thread",
    "stream",
    "wait_for_job",
    "watcher",
]

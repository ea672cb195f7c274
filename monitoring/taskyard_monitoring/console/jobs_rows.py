"""A job as a row of the list shows it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from taskyard.models import Job
from taskyard.operating.presenting import (
    last_error,
    run_time,
    shown_call,
    shown_progress,
    shown_state,
)
from taskyard.schedules.times import moment_of
from taskyard.states import JobState

LONGEST_CALL = 160
"""Characters of the arguments that a row holds; the page of the job has them all."""

LONGEST_NOTE = 200


@dataclass(frozen=True, slots=True)
class Row:
    """What is to be seen of a job at a glance."""

    job: Job

    @property
    def id(self) -> str:
        """The job's id."""
        return str(self.job.pk)

    @property
    def state(self) -> str:
        """Its state in the words that people search by."""
        return shown_state(self.job)

    @property
    def name(self) -> str:
        """The end of the task's path, which people call it by."""
        return self.job.task.rpartition(".")[2]

    @property
    def module(self) -> str:
        """The beginning of the task's path."""
        return self.job.task.rpartition(".")[0]

    @property
    def call(self) -> str:
        """The arguments in short."""
        return shortened(shown_call(self.job), LONGEST_CALL)

    @property
    def note(self) -> str:
        """Why it failed, or how far it is."""
        return note_of(self.job)

    @property
    def due_at(self) -> datetime | None:
        """When it starts, where it waits for its time or for its next attempt."""
        return due_at_of(self.job)

    @property
    def run_time(self) -> str:
        """How long its latest attempt took."""
        return run_time(self.job)

    @property
    def is_running(self) -> bool:
        """Whether a worker has it in its hands."""
        return bool(self.job.state == JobState.RUNNING)

    @property
    def percent(self) -> int | None:
        """How far it is, where it runs and has said."""
        return percent_of(self.job)


def news(job: Job) -> dict[str, Any]:
    """Return what changes of a job while somebody looks at it, for live updates.

    The arguments, the return value and the metadata are not read.
    """
    return {
        "state": shown_state(job),
        "attempt": job.attempt,
        "worker": job.worker,
        "note": note_of(job),
        "due": _iso(due_at_of(job)),
        # For how long something runs, and in how long it starts, pages know themselves.
        "run_time": "" if job.state == JobState.RUNNING else run_time(job),
        "started": _iso(job.last_attempted_at),
        "percent": percent_of(job),
        "is_finished": job.is_finished,
    }


def note_of(job: Job) -> str:
    """Return what is to be said of a job in a line, beside its times."""
    match job.state:
        case JobState.RUNNING:
            return shortened(shown_progress(job), LONGEST_NOTE)
        case JobState.FAILED:
            return shortened(last_error(job), LONGEST_NOTE)
    return ""


def due_at_of(job: Job) -> datetime | None:
    """Return when a job starts that waits for its time or for its next attempt."""
    return job.due_at if shown_state(job) in {"scheduled", "retrying"} else None


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment_of(moment).isoformat()


def percent_of(job: Job) -> int | None:
    """Return how far a running job is, where it has said how much there is to do."""
    progress: Any = job.progress
    if job.state != JobState.RUNNING or not isinstance(progress, dict):
        return None
    done, total = progress.get("done"), progress.get("total")
    if not isinstance(done, int) or not isinstance(total, int) or total <= 0:
        return None
    return max(0, min(100, 100 * done // total))


def shortened(text: str, longest: int) -> str:
    """Return a text, its end left out where it is longer than that."""
    return text if len(text) <= longest else f"{text[:longest]}…"

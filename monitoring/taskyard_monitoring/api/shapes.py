"""What the API takes and returns, as its description has it."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from ninja import Schema
from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field

from taskyard.schedules.times import moment_of

Text = Annotated[str, Field(pattern=r"^[^\x00]*$")]
"""Without the character NUL, which databases refuse."""

Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]

Moment = Annotated[datetime, AfterValidator(moment_of)]
"""In UTC, also where the site's own times are naive."""

REASON_LENGTH = 500
"""Characters of a reason that are kept."""


class Given(Schema):
    """What callers send: nothing else may stand in it."""

    model_config = ConfigDict(extra="forbid")


# --- problems ---


class Fault(Schema):
    """What is wrong with one part of a request."""

    where: str = Field(description="Such as `body.arguments.report_id`, or `query.limit`.")
    problem: str
    remedy: str = Field(description="What to do about it.")


class Problem(Schema):
    """What went wrong, as RFC 9457 has it."""

    type: str = Field(description="Tells programs what it is, such as `urn:taskyard:unknown-job`.")
    title: str
    status: int
    detail: str = Field(description="What is wrong, and what to do about it.")
    errors: list[Fault] = Field(description="What is wrong where; empty where that is no question.")


# --- jobs ---


class JobSummary(Schema):
    """A job in a list."""

    id: UUID
    task: str = Field(description="Dotted path of the task.")
    queue: str
    state: str = Field(description="READY, RUNNING, SUCCESSFUL, FAILED or CANCELLED.")
    shown_state: str = Field(
        description="A little finer: waiting, scheduled, retrying, running, cancelling, successful, …"
    )
    is_finished: bool
    note: str = Field(
        description="How it stands, in a line; why it failed: for those alone who may see the console."
    )
    progress: dict[str, Any] | None = Field(description="`done`, `total`, `message`, where the task tells.")
    priority: int
    attempt: int = Field(description="Attempts so far; 0 before the first.")
    owner: str | None = Field(description="Key of the user on whose behalf it was enqueued.")
    tags: list[str]
    enqueued_at: Moment | None
    run_after: Moment | None
    started_at: Moment | None
    finished_at: Moment | None
    cancel_requested_at: Moment | None


class Attempt(Schema):
    """An attempt that did not succeed."""

    attempt: int | None
    outcome: str | None
    started_at: str | None
    ended_at: str | None
    error: str | None = Field(description="The exception's name.")
    traceback: str | None = Field(description="For those alone who may see the console.")
    worker: str | None = Field(description="Likewise.")


class JobDetail(JobSummary):
    """All there is to know about a job; what is secret by its name, or by the site's rule, is masked."""

    args: list[Any]
    kwargs: dict[str, Any]
    return_value: Any = Field(description="What the task returned; null until it has.")
    attempts: list[Attempt] = Field(description="Those that did not succeed, oldest first.")
    last_attempted_at: Moment | None
    due_at: Moment | None = Field(description="When the job must next be acted on.")
    kept_until: Moment | None
    backend: str | None = Field(description="For those alone who may see the console; else null.")
    worker: str | None = Field(description="Likewise.")
    unique_key: str | None = Field(description="Likewise.")
    metadata: dict[str, Any] | None = Field(description="Likewise.")


class JobsPage(Schema):
    """Some of the jobs that were asked for, newest first."""

    jobs: list[JobSummary]
    next: str | None = Field(
        description="The `cursor` of the next page; null at the end. A page looks through a bounded number "
        "of jobs, so it may be empty and have a next one."
    )


class Enqueue(Given):
    """A job to be."""

    task: Name = Field(description="Dotted path of a task of `GET tasks/`.")
    arguments: dict[str, Any] = Field(
        default_factory=dict, description="By name, as the task's schema in `GET tasks/` says."
    )
    queue: Name | None = Field(None, description="One of the task's `queues`; null: the task's own.")
    priority: int | None = Field(
        None, ge=-100, le=100, description="Larger runs earlier; no more than the task's own. Null: that one."
    )
    run_after: AwareDatetime | None = Field(
        None, description="Not before this time, with its zone, at most a year ahead. Null: at once."
    )


class Enqueued(Schema):
    """A job that was enqueued."""

    id: UUID
    task: str
    queue: str
    is_duplicate: bool = Field(
        description="No job was made: this one, enqueued before, does for a task that is unique."
    )


class Reason(Given):
    """Why somebody does something."""

    reason: Text = Field("", max_length=REASON_LENGTH, description="For those who read the audit later.")


class Steered(Schema):
    """What came of something that was done to a job."""

    done: bool = Field(description="Whether it made a difference; false where it had been done before.")
    job: JobSummary


# --- tasks, queues, schedules, workers ---


class TaskOffer(Schema):
    """A task that the caller may enqueue."""

    task: str = Field(description="Its dotted path.")
    description: str = Field(description="The first line of its docstring.")
    arguments: dict[str, Any] = Field(description="JSON schema of its arguments, by name.")
    queue: str
    queues: list[str] = Field(description="The queues that a caller may choose.")
    priority: int


class Tasks(Schema):
    """The tasks that the caller may enqueue."""

    tasks: list[TaskOffer]


class Queue(Schema):
    """A queue of a backend."""

    name: str
    backend: str
    waiting: int = Field(description="Jobs that a worker may take.")
    waiting_is_capped: bool = Field(description="Whether there are more than that.")
    oldest: Moment | None = Field(description="Since when the one that waits longest has been waiting.")
    later: int = Field(description="Jobs that wait for their time, or for their next attempt.")
    later_is_capped: bool
    running: int
    paused_at: Moment | None
    paused_by: str | None


class Queues(Schema):
    """The queues that settings name, that hold unfinished jobs, or that are paused."""

    queues: list[Queue]


class ScheduleSummary(Schema):
    """When jobs of a task come into being by themselves."""

    name: str
    task: str
    args: list[Any]
    kwargs: dict[str, Any]
    cron: str | None
    interval: float | None = Field(description="Seconds.")
    timezone: str
    missed: str
    catch_up_window: float | None = Field(description="Seconds.")
    overlap: str
    jitter: float | None = Field(description="Seconds.")
    queue: str | None
    priority: int | None
    backend: str | None
    condition: str = Field(description="active, paused or faulty.")
    fault: str | None
    paused_at: Moment | None
    next_slot: Moment | None
    last_slot: Moment | None
    last_fired_at: Moment | None
    last_success_at: Moment | None
    lateness: float | None = Field(description="Seconds.")
    declared_in_code: bool
    changed_by_hand: list[str] = Field(description="What somebody has set otherwise than the code says.")


class Schedules(Schema):
    """Schedules by name."""

    schedules: list[ScheduleSummary]
    next: str | None = Field(description="The `after` of the next page; null at the end.")


class Changed(Schema):
    """Whether something that was done made a difference."""

    done: bool = Field(description="False where it had been done before.")


class Worker(Schema):
    """A process that runs jobs."""

    id: str
    name: str
    backend: str
    host: str
    pid: int
    queues: list[str]
    concurrency: int
    running: int = Field(description="Jobs it has in its hands.")
    state: str = Field(description="alive, silent or lost.")
    wish: str = Field(description="What an operator asks of it: quiet, stop or nothing.")
    started_at: Moment
    beat_at: Moment
    memory: int | None = Field(description="Bytes.")
    version: str


class Workers(Schema):
    """The processes in the register."""

    workers: list[Worker]

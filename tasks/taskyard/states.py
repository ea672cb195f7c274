"""What a job can be, and what can happen to it: the whole state machine as data.

`docs/explanation/state-machine.md` draws it; `taskyard.transitions` carries it out.
"""

from dataclasses import dataclass

from django.db.models import TextChoices


class JobState(TextChoices):
    """Where a job stands. "Scheduled" and "retrying" are views of READY."""

    READY = "READY", "Ready"
    RUNNING = "RUNNING", "Running"
    SUCCESSFUL = "SUCCESSFUL", "Successful"
    FAILED = "FAILED", "Failed"
    CANCELLED = "CANCELLED", "Cancelled"


FINISHED = frozenset({JobState.SUCCESSFUL, JobState.FAILED, JobState.CANCELLED})


class Event(TextChoices):
    """What can happen to a job."""

    CLAIM = "claim", "a worker takes it"
    SUCCEED = "succeed", "the task returned"
    FAIL = "fail", "the task raised and is not tried again"
    RETRY = "retry", "the task raised and is tried again later"
    SNOOZE = "snooze", "the task puts itself off, no attempt counted"
    RELEASE = "release", "the worker hands it back, no attempt counted"
    RESCUE = "rescue", "its worker is dead"
    CANCEL = "cancel", "somebody does not want it any more"
    REQUEUE = "requeue", "an operator runs a finished job once more"
    MOVE = "move", "an operator hands a waiting job to another backend"


@dataclass(frozen=True, slots=True)
class Transition:
    """From which states an event leads where."""

    sources: frozenset[JobState]
    target: JobState


TRANSITIONS: dict[Event, Transition] = {
    Event.CLAIM: Transition(frozenset({JobState.READY}), JobState.RUNNING),
    Event.SUCCEED: Transition(frozenset({JobState.RUNNING}), JobState.SUCCESSFUL),
    Event.FAIL: Transition(frozenset({JobState.RUNNING}), JobState.FAILED),
    Event.RETRY: Transition(frozenset({JobState.RUNNING}), JobState.READY),
    Event.SNOOZE: Transition(frozenset({JobState.RUNNING}), JobState.READY),
    Event.RELEASE: Transition(frozenset({JobState.RUNNING}), JobState.READY),
    Event.RESCUE: Transition(frozenset({JobState.RUNNING}), JobState.READY),
    Event.CANCEL: Transition(frozenset({JobState.READY, JobState.RUNNING}), JobState.CANCELLED),
    Event.REQUEUE: Transition(FINISHED, JobState.READY),
    Event.MOVE: Transition(frozenset({JobState.READY}), JobState.READY),
}

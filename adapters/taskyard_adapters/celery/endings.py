"""How jobs ended, as Celery's tools such as Flower are told.

To Celery our task always succeeds: what becomes of a job is the database's to say. What the task returns
tells the process that sends Celery's events, which with forked children is another one, which it is to be.
"""

from collections.abc import Mapping
from typing import Any

from taskyard.states import Event
from taskyard.transitions import Outcome

_EVENTS = {
    Event.FAIL: "task-failed",
    Event.RETRY: "task-retried",
    Event.SNOOZE: "task-retried",
    Event.RELEASE: "task-retried",
    Event.CANCEL: "task-revoked",
}


def ending(outcome: Outcome | None) -> str | None:
    """Return what our task is to return: None where Celery's own event, success, is as true as any."""
    kind = None if outcome is None else _EVENTS.get(outcome.event)
    if outcome is None or kind is None:
        return None
    if outcome.event in (Event.FAIL, Event.RETRY):
        # What was raised, but not its words: they may be personal, and events travel over the broker.
        return f"{kind} {outcome.history[-1]['error']['type']}"
    return f"{kind} {outcome.event.value}"


def event_of(kind: str, fields: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the event to send for one that Celery would send of a message of ours."""
    if kind != "task-succeeded":
        return kind, dict(fields)
    ended, _, why = str(fields.get("result")).strip("'").partition(" ")
    match ended:
        case "task-failed" | "task-retried":
            return ended, {"exception": why, "traceback": ""}
        case "task-revoked":
            return ended, {"terminated": True, "signum": None, "expired": False}
        case _:
            return kind, dict(fields)

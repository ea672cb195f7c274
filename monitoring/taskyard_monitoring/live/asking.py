"""What a client of the WebSocket may ask for, and what it is told where it asks for something else."""

import json
from dataclasses import dataclass, replace
from typing import Any, Literal
from uuid import UUID

from taskyard.ids import parse_job_id
from taskyard.models import Job

from .interest import Interest

LONGEST_QUEUE = Job._meta.get_field("queue").max_length or 0
"""Characters of a queue's name."""

LONGEST_PING = 64
"""Characters of what a ping may carry."""

FORM = (
    'Send a JSON object with one key: {"subscribe": …}, {"unsubscribe": …} or {"ping": 1}. '
    'What to subscribe to is {"job": "<id>"}, {"queue": "<name>"} or {"all": true}.'
)

Verb = Literal["subscribe", "unsubscribe", "ping"]


class Unclear(ValueError):
    """What a client has sent means nothing; the words say why, and what it may send."""


@dataclass(frozen=True, slots=True)
class Topic:
    """What somebody may listen to: a job, a queue, or all that they may see."""

    job: UUID | None = None
    queue: str = ""

    def as_data(self) -> dict[str, Any]:
        """Return it in the words that clients use."""
        if self.job is not None:
            return {"job": str(self.job)}
        return {"queue": self.queue} if self.queue else {"all": True}


@dataclass(frozen=True, slots=True)
class Ask:
    """One message of a client."""

    verb: Verb
    topic: Topic | None = None
    ping: str | int | None = None

    def applied_to(self, interest: Interest) -> Interest:
        """Return what somebody listens to who has asked this, and listened to that before."""
        if self.topic is None:
            return interest
        change = frozenset.union if self.verb == "subscribe" else frozenset.difference
        if self.topic.job is not None:
            return replace(interest, jobs=change(interest.jobs, {self.topic.job}))
        if self.topic.queue:
            return replace(interest, queues=change(interest.queues, {self.topic.queue}))
        return replace(interest, everything=self.verb == "subscribe")


def parse_ask(text: str) -> Ask:
    """Return what a message asks for.

    Raises:
        Unclear: where it asks for nothing that there is.
    """
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unclear(f"That is no JSON. {FORM}") from error
    if not isinstance(message, dict) or len(message) != 1:
        raise Unclear(FORM)
    [(verb, value)] = message.items()
    if verb == "ping":
        return Ask("ping", ping=_ping(value))
    if verb in {"subscribe", "unsubscribe"}:
        return Ask(verb, _topic(value))
    raise Unclear(FORM)


def _ping(value: object) -> str | int:
    if isinstance(value, str | int) and len(str(value)) <= LONGEST_PING:
        return value
    raise Unclear(f"A ping carries a whole number or a text of up to {LONGEST_PING} characters.")


def _topic(value: object) -> Topic:
    if not isinstance(value, dict) or len(value) != 1:
        raise Unclear(FORM)
    match value:
        case {"job": str(text)}:
            if (job := parse_job_id(text)) is None:
                raise Unclear("No job can have that id: it is to be a UUID.")
            return Topic(job=job)
        case {"queue": str(name)}:
            if not 0 < len(name) <= LONGEST_QUEUE:
                raise Unclear(f"The name of a queue has 1 to {LONGEST_QUEUE} characters.")
            return Topic(queue=name)
        case {"all": True}:
            return Topic()
    raise Unclear(FORM)

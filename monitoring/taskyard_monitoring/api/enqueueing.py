"""Making a job of what a caller sends: which task, with which arguments and options, and only once."""

from datetime import UTC, datetime, timedelta
from typing import Any

from asgiref.sync import sync_to_async

from taskyard import job_metadata
from taskyard.compat import InvalidTask, Task
from taskyard.exceptions import PayloadTooLarge, UnsupportedPayload
from taskyard.policy import policy_of
from taskyard.results import JobResult
from taskyard.schedules.times import stored
from taskyard.unique import Uniqueness

from .callers import Caller
from .offers import Offer, find_offer
from .problems import Refused, forbidden, invalid
from .shapes import Enqueue, Fault

FARTHEST = timedelta(days=366)
"""How far ahead a job may be put off."""

KEY_HOLDS_FOR = timedelta(days=1)
"""For how long a request that is sent again makes no second job; longer while the job is not finished."""


async def enqueued(caller: Caller, wanted: Enqueue, key: str) -> tuple[Task, JobResult]:
    """Enqueue a job on a caller's behalf.

    Args:
        caller: whose job it will be.
        wanted: the job.
        key: what tells a request that is sent again; "": nothing does.

    Raises:
        Refused: saying what cannot be.
    """
    offer = await sync_to_async(_offer_for)(caller, wanted.task)
    args, kwargs = offer.signature.call(wanted.arguments)
    task = _with_options(offer, wanted, caller)
    try:
        with job_metadata(user=caller.owner):
            result = await (
                sync_to_async(_once)(task, args, kwargs, [caller.owner, key])
                if key
                else task.aenqueue(*args, **kwargs)
            )
    except (PayloadTooLarge, UnsupportedPayload) as fault:
        raise _invalid("arguments", str(fault), "Send other arguments.") from fault
    except InvalidTask as fault:
        raise _invalid("task", str(fault), "Ask the site's developers.") from fault
    assert isinstance(result, JobResult)  # for nothing else is offered
    return task, result


def _once(task: Task, args: list[Any], kwargs: dict[str, Any], key: list[str]) -> Any:
    """Enqueue a job, or find the one that the same key made; a task's own rule of what is unique holds."""
    unique = policy_of(task).unique or Uniqueness(by=lambda **_: key, at_least=KEY_HOLDS_FOR)
    backend: Any = task.get_backend()  # one of ours, for nothing else is offered
    [result] = backend.enqueue_many(task, [(args, kwargs)], unique)
    if result.is_duplicate and (result.args, result.kwargs) != (args, kwargs):
        problem = "It came with other arguments before."
        raise invalid(
            [Fault(where="header.Idempotency-Key", problem=problem, remedy="Use a new key for another job.")]
        )
    return result


def _offer_for(caller: Caller, path: str) -> Offer:
    offer = find_offer(path)
    if offer is None:
        raise _invalid("task", f"The site offers no task {path!r}.", "Choose one of GET tasks/.")
    if not offer.is_for(caller.user):
        raise forbidden(f"You need the permission {offer.exposed.permission} to enqueue {path}.")
    return offer


def _with_options(offer: Offer, wanted: Enqueue, caller: Caller) -> Task:
    """Return the task as the caller wants it, as far as that is theirs to choose."""
    options: dict[str, Any] = {}
    if wanted.queue is not None:
        if wanted.queue not in offer.queues:
            raise _invalid(
                "queue", "It is not for callers to choose.", f"Choose one of {', '.join(offer.queues)}."
            )
        options["queue_name"] = wanted.queue
    if wanted.priority is not None:
        if wanted.priority > offer.task.priority and not caller.viewer.may_operate:
            raise _invalid(
                "priority",
                "Only operators may put a job before others of its task.",
                f"Give {offer.task.priority} at most.",
            )
        options["priority"] = wanted.priority
    if wanted.run_after is not None and (run_after := _moment(wanted.run_after)) is not None:
        options["run_after"] = run_after
    return offer.task.using(**options) if options else offer.task


def _moment(run_after: datetime) -> datetime | None:
    """Return a time as Django's tasks take it; None where it has passed."""
    now = datetime.now(UTC)
    if run_after <= now:
        return None
    if run_after > now + FARTHEST:
        raise _invalid("run_after", "It is too far away.", f"Give a time within {FARTHEST.days} days.")
    return stored(run_after)


def _invalid(name: str, problem: str, remedy: str) -> Refused:
    return invalid([Fault(where=f"body.{name}", problem=problem, remedy=remedy)])

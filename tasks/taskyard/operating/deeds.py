"""What operators do, each deed with its entry in the audit: the same words whatever the tool.

What a site's own code does by `taskyard.cancel` and the like is no operator's deed and leaves no entry.
"""

from collections.abc import Callable, Iterable

from django.db.models import QuerySet

from taskyard import pauses, retention
from taskyard.compat import TaskResult
from taskyard.models import Job
from taskyard.results import find_job
from taskyard.schedules import control

from .audit import Operator, recorded_after, recorded_with
from .operations import JobOrId, Listener, Operation

PAUSE = "pause"
RESUME = "resume"
RUN = "run"
MOVE = "move"
DELETE = "delete"


def on_job(operator: Operator, operation: Operation, job: JobOrId) -> bool:
    """Do something to one job; see `Operation.to_one`."""
    job = find_job(getattr(job, "id", job))
    with recorded_after(operator, operation.name, f"job {job.pk} of {job.task}") as tally:
        is_done = operation.to_one(job)
        tally.add(is_done)
    return is_done


def on_jobs(
    operator: Operator,
    operation: Operation,
    jobs: "QuerySet[Job]",
    subject: str,
    *,
    limit: int | None = None,
    on_batch: Listener = lambda _seen, _done: None,
) -> int:
    """Do something to many jobs; see `Operation.to_many`.

    Args:
        operator: who wants it.
        operation: what to do.
        jobs: see `Operation.to_many`.
        subject: the jobs in words, such as the search that found them.
        limit: see `Operation.to_many`.
        on_batch: see `Operation.to_many`.
    """
    with recorded_after(operator, operation.name, subject) as tally:

        def count(seen: int, done: int) -> None:
            tally.add(done)
            on_batch(seen, done)

        return operation.to_many(jobs, limit=limit, on_batch=count)


def delete_jobs(
    operator: Operator, jobs: "QuerySet[Job]", subject: str, on_batch: Callable[[int], object]
) -> int:
    """Delete finished jobs before their time; see `taskyard.retention.delete_finished`."""
    with recorded_after(operator, DELETE, subject) as tally:

        def count(gone: int) -> None:
            tally.add(gone)
            on_batch(gone)

        return retention.delete_finished(jobs, count)


def pause_queue(operator: Operator, name: str) -> bool:
    """Pause a queue; see `taskyard.pauses.pause_queue`."""
    with recorded_with(operator, PAUSE, f"queue {name}") as tally:
        is_news = pauses.pause_queue(name, by=operator.user)
        tally.add(is_news)
    return is_news


def resume_queue(operator: Operator, name: str) -> bool:
    """Resume a queue; see `taskyard.pauses.resume_queue`."""
    with recorded_with(operator, RESUME, f"queue {name}") as tally:
        is_news = pauses.resume_queue(name)
        tally.add(is_news)
    return is_news


def pause_schedules(operator: Operator, names: Iterable[str]) -> int:
    """Pause schedules, each with an entry of its own; see `taskyard.schedules.control.pause`."""
    return sum(_change_schedule(operator, PAUSE, control.pause, name) for name in names)


def resume_schedules(operator: Operator, names: Iterable[str]) -> int:
    """Resume schedules, each with an entry of its own; see `taskyard.schedules.control.resume`."""
    return sum(_change_schedule(operator, RESUME, control.resume, name) for name in names)


def move_schedules(operator: Operator, names: Iterable[str], source: str, target: str) -> int:
    """Have schedules enqueue on another backend, in one entry; see `taskyard.schedules.control.move`."""
    chosen = list(names)
    with recorded_with(operator, MOVE, f"schedules {', '.join(chosen)}, to {target}") as tally:
        tally.add(control.move(chosen, source, target))
    return tally.count


def run_schedule(operator: Operator, name: str) -> TaskResult:
    """Enqueue a schedule's job at once; see `taskyard.schedules.control.run_now`."""
    with recorded_with(operator, RUN, f"schedule {name}") as tally:
        result = control.run_now(name)
        tally.add(1)
    return result


def _change_schedule(operator: Operator, action: str, change: Callable[[list[str]], int], name: str) -> int:
    with recorded_with(operator, action, f"schedule {name}") as tally:
        tally.add(change([name]))
    return tally.count

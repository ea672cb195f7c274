"""The page of one job: what it is, what became of it, and what can be done about it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import BooleanField, ExpressionWrapper
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import reverse

from taskyard.backend import job_backends
from taskyard.compat import TaskResultDoesNotExist
from taskyard.database import database_time, explained_errors, jobs_alias, jobs_connection
from taskyard.exceptions import UniqueConflict
from taskyard.models import Job
from taskyard.operating.deeds import on_job
from taskyard.operating.operations import CANCEL, RETRY, RUN_NOW, Operation, explain_conflict
from taskyard.operating.presenting import shown_attempt, shown_metadata, shown_return_value, shown_state
from taskyard.results import find_job
from taskyard.tags import tags_of
from taskyard_monitoring.conf import settings
from taskyard_monitoring.snapshot import forget

from . import steering
from .access import operator_required, viewer_required
from .bulk import OPERATIONS
from .job_advice import advice
from .job_call import arguments
from .job_timeline import drawn, moment_in, stretches
from .jobs_rows import Row
from .jobs_words import qualified
from .links import jobs_url
from .page import page

CELERY = "celery"
"""The engine whose jobs Flower knows."""

CONSEQUENCES = {
    RETRY: "It runs once more, with the same arguments and a fresh count of attempts.",
    CANCEL: "If it waits it will never start; if it runs its worker is asked to stop it.",
    RUN_NOW: "It starts as soon as a worker is free, instead of at its time.",
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """An entry of the job's history as the page shows it."""

    title: str
    began: datetime | None
    ended: datetime | None
    error: str
    """The exception's name."""

    traceback: str
    is_newest: bool

    @property
    def last_line(self) -> str:
        """What went wrong, in a line."""
        lines = self.traceback.strip().splitlines()
        return lines[-1] if lines else self.error

    @property
    def length(self) -> timedelta | None:
        """How long it took, where that is known."""
        return self.ended - self.began if self.began and self.ended else None


@viewer_required
def job(request: HttpRequest, job_id: str) -> HttpResponse:
    """Show a job."""
    found = _found(job_id)
    context = {**shown(found), "operations": possible(found), "flower_url": flower_url(found)}
    return page(request, "taskyard/console/job/page.html", context, here="jobs")


def shown(job: Job) -> dict[str, Any]:
    """Return what the page shows of a job itself."""
    spent = stretches(job, database_time(jobs_connection()))
    return {
        "job": job,
        "row": Row(job),
        "state": shown_state(job),
        "advice": advice(job),
        "stretches": spent,
        "pieces": drawn(spent),
        "arguments": arguments(job),
        "returned": "" if job.return_value is None else shown_return_value(job, indent=2),
        "attempts": attempts(job),
        "metadata": shown_metadata(job, indent=2),
        "tags": [(tag, jobs_url(qualified("tag", tag))) for tag in tags_of(job.metadata)],
        "engine": _engine(job),
        "same_task_url": jobs_url(f"task:{job.task}"),
        "same_failed_url": jobs_url(f"task:{job.task} state:failed"),
    }


def attempts(job: Job) -> list[Attempt]:
    """Return the attempts that did not succeed, newest first."""
    entries = list(reversed(job.history()))
    newest = next((place for place, entry in enumerate(entries) if "error" in entry), None)
    return [_attempt(entry, is_newest=place == newest) for place, entry in enumerate(entries)]


def possible(job: Job) -> list[Operation]:
    """Return what can be done to a job now."""
    able = [ExpressionWrapper(each.applies_to, BooleanField()) for each in OPERATIONS.values()]
    with explained_errors():
        found = Job.objects.using(jobs_alias()).filter(pk=job.pk).values_list(*able).first()
    return [each for each, is_able in zip(OPERATIONS.values(), found or (), strict=False) if is_able]


def flower_url(job: Job) -> str:
    """Return the job's page in Flower; "" where there is none."""
    if not settings.FLOWER_URL or _engine(job) != CELERY:
        return ""
    return f"{settings.FLOWER_URL.rstrip('/')}/task/{job.pk}"


@operator_required
def steer(request: HttpRequest, job_id: str, name: str) -> HttpResponse:
    """Ask whether it is to be done to a job, and do it once that is confirmed."""
    if name not in OPERATIONS:
        raise Http404(f"There is no operation {name!r} on jobs.")
    if request.method == "GET":
        return _ask(request, OPERATIONS[name], _found(job_id))
    if request.method == "POST":
        _do(request, OPERATIONS[name], job_id)
        return HttpResponseRedirect(reverse("taskyard:job", args=[job_id]))
    return HttpResponseNotAllowed(["GET", "POST"])


def _ask(request: HttpRequest, operation: Operation, job: Job) -> HttpResponse:
    question = steering.Question(
        title=f"{operation.title} {Row(job).name}?",
        text=CONSEQUENCES[operation],
        verb=operation.title,
        is_dangerous=operation is CANCEL,
    )
    return steering.ask(request, question, place="jobs")


def _do(request: HttpRequest, operation: Operation, job_id: str) -> None:
    try:
        if on_job(steering.operator(request), operation, job_id):
            forget()
            steering.told(request, f"The job is {operation.done}.")
            return
        if operation is RETRY:
            explain_conflict(job_id)
        steering.refused(request, f"The job is {shown_state(find_job(job_id))} and was left alone.")
    except (TaskResultDoesNotExist, UniqueConflict) as fault:
        steering.refused(request, str(fault))


def _attempt(entry: dict[str, Any], *, is_newest: bool) -> Attempt:
    error = entry.get("error", {})
    return Attempt(
        title=shown_attempt(entry),
        began=moment_in(entry.get("started_at")),
        ended=moment_in(entry.get("ended_at")),
        error=error.get("type", ""),
        traceback=error.get("traceback", ""),
        is_newest=is_newest,
    )


def _found(job_id: str) -> Job:
    try:
        return find_job(job_id)
    except TaskResultDoesNotExist as fault:
        raise Http404(str(fault)) from fault


def _engine(job: Job) -> str:
    """Return the name of the engine that carries a job; "" where TASKS does not name its backend any more."""
    backend = job_backends().get(job.backend)
    return backend.engine if backend is not None else ""

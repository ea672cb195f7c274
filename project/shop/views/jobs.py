"""Watching one's jobs, and calling them off."""

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from shop.access import staff_only
from shop.models import ImportRun, Report
from taskyard import TaskResult, TaskResultStatus, acancel, aget_result
from taskyard.ids import parse_job_id
from taskyard.models import Job
from taskyard_monitoring.scope import Scope, scope_of

from .rendering import arender

PAGE = 25


@require_safe
@staff_only
async def my_jobs(request: HttpRequest) -> HttpResponse:
    """List the jobs that one has had enqueued, the latest first."""
    user = await request.auser()
    # Ids rise with time, so that a page begins where the last one ended, however many jobs there are.
    wanted = Job.objects.filter(Scope.of_users(user.pk).condition()).order_by("-pk")
    if before := parse_job_id(request.GET.get("before", "")):
        wanted = wanted.filter(pk__lt=before)
    found = [job async for job in wanted[: PAGE + 1]]
    context = {
        "jobs": found[:PAGE],
        "older": found[PAGE - 1].pk if len(found) > PAGE else None,
        "is_waiting": any(not job.is_finished for job in found),
    }
    return await arender(request, "shop/my_jobs.html", context)


@require_safe
@staff_only
async def job(request: HttpRequest, job_id: str) -> HttpResponse:
    """Show how far a job is, and lead on to what it produced."""
    user = await request.auser()
    result = await find(job_id, await sync_to_async(scope_of)(user))
    context = {
        "result": result,
        "title": result.task.name.replace("_", " ").capitalize(),
        "last_error": last_error(result),
        "outcome": await find_outcome(result),
        "is_mine": await Job.objects.filter(Scope.of_users(user.pk).condition(), pk=result.id).aexists(),
    }
    return await arender(request, "shop/job.html", context)


@require_POST
@staff_only
async def cancel(request: HttpRequest, job_id: str) -> HttpResponse:
    """Call off a job of one's own."""
    user = await request.auser()
    result = await find(job_id, Scope.of_users(user.pk))
    if await acancel(result):
        messages.success(request, "The job is called off.")
    else:
        messages.info(request, "The job had finished already.")
    return redirect("my-jobs")


async def find(job_id: str, scope: Scope) -> TaskResult:
    """Return a job among those of a scope.

    Raises:
        Http404: where there is none; nobody learns whether others have one.
    """
    if not await Job.objects.filter(scope.condition(), pk=parse_job_id(job_id)).aexists():
        raise Http404(f"No job {job_id} is on record.")
    return await aget_result(job_id)


def last_error(result: TaskResult) -> str:
    """Return the last line of the latest traceback, which says what went wrong."""
    if not result.errors:
        return ""
    return result.errors[-1].traceback.strip().rpartition("\n")[2]


async def find_outcome(result: TaskResult) -> tuple[str, str] | None:
    """Return the address and the name of what a successful job made, if that has a page."""
    if result.status != TaskResultStatus.SUCCESSFUL:
        return None
    if run := await ImportRun.objects.filter(job_id=result.id).afirst():
        return reverse("import", args=[run.pk]), f"What became of {run.file_name}"
    if report := await Report.objects.filter(job_id=result.id).afirst():
        return reverse("report", args=[report.pk]), str(report)
    return None

"""Watching one job."""

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from shop.access import staff_only
from shop.models import ImportRun, Report
from taskyard import (
    TaskResult,
    TaskResultDoesNotExist,
    TaskResultStatus,
    aget_progress,
    aget_result,
)

from .rendering import arender


@require_safe
@staff_only
async def job(request: HttpRequest, job_id: str) -> HttpResponse:
    """Show how far a job is, and lead on to what it produced."""
    try:
        result = await aget_result(job_id)
    except TaskResultDoesNotExist:
        raise Http404(f"No job {job_id} is on record.") from None
    context = {
        "result": result,
        "title": result.task.name.replace("_", " ").capitalize(),
        "progress": await aget_progress(job_id),
        "last_error": last_error(result),
        "outcome": await find_outcome(result),
    }
    return await arender(request, "shop/job.html", context)


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
        return reverse("report-file", args=[report.pk]), f"{report} (PDF)"
    return None

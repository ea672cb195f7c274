"""Asking for reports, watching them fill, fetching them."""

from pathlib import Path

from asgiref.sync import sync_to_async
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_http_methods, require_safe

from shop.access import staff_only
from shop.forms import ReportForm
from shop.models import Report
from shop.pages import page_of
from shop.requests import request_report

from .rendering import arender


@require_http_methods(["GET", "HEAD", "POST"])
@staff_only
def reports(request: HttpRequest) -> HttpResponse:
    """List the reports one may see; take the wish for another."""
    form = ReportForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        return redirect("report", request_report(form.cleaned_data["month"], request.user).pk)
    mine = Report.objects.visible_to(request.user).select_related("created_by")
    return render(request, "shop/reports.html", {"form": form, "page": page_of(request, mine)})


@require_safe
@staff_only
async def report(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a report: until it is built, how far that is; then its figures and its file."""
    return await arender(request, "shop/report.html", {"report": await afind(request, pk)})


@require_safe
@staff_only
async def report_file(request: HttpRequest, pk: int) -> HttpResponse:
    """Hand out a finished report to those who may see it."""
    found = await afind(request, pk)
    if not found.file:
        raise Http404("This report has not been built yet.")
    # A few pages. Of a FileResponse, too, Django reads all before it sends any under ASGI, and warns of it.
    pdf = await read(found)
    name = content_disposition_header(as_attachment=True, filename=Path(found.file.name).name)
    return HttpResponse(pdf, content_type="application/pdf", headers={"Content-Disposition": name})


@sync_to_async(thread_sensitive=True)
def afind(request: HttpRequest, pk: int) -> Report:
    """Return a report that the visitor may see.

    Raises:
        Http404: where there is none.
        PermissionDenied: where somebody else asked for it.
    """
    found = get_object_or_404(Report.objects.select_related("created_by"), pk=pk)
    if not found.is_visible_to(request.user):
        raise PermissionDenied("Somebody else asked for this report.")
    return found


@sync_to_async(thread_sensitive=True)
def read(report: Report) -> bytes:
    """Return the report's file."""
    with report.file.open("rb") as file:
        return file.read()

"""Asking for reports and fetching them."""

from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from shop.access import staff_only
from shop.forms import ReportForm
from shop.models import Report
from shop.pages import page_of
from shop.requests import request_report


@require_http_methods(["GET", "HEAD", "POST"])
@staff_only
def reports(request: HttpRequest) -> HttpResponse:
    """List the reports one may see; take the wish for another."""
    form = ReportForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        report = request_report(form.cleaned_data["month"], request.user)
        return redirect("job", report.job_id)
    mine = Report.objects.visible_to(request.user).select_related("created_by")
    return render(request, "shop/reports.html", {"form": form, "page": page_of(request, mine)})


@require_safe
@staff_only
def report_file(request: HttpRequest, pk: int) -> FileResponse:
    """Hand out a finished report to those who may see it."""
    report = get_object_or_404(Report, pk=pk)
    if not report.is_visible_to(request.user):
        raise PermissionDenied("Somebody else asked for this report.")
    if not report.file:
        raise Http404("This report has not been built yet.")
    return FileResponse(report.file.open("rb"), as_attachment=True)

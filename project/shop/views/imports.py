"""Uploading order files, and what became of them."""

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib import messages
from django.db.models import Count, F
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import aget_object_or_404, get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from shop.access import staff_only
from shop.exporting import PROBLEM_COLUMNS, as_csv, problem_rows
from shop.forms import UploadForm
from shop.models import ImportRun
from shop.pages import page_of
from shop.requests import request_import, request_receipts
from shop.rows import COLUMNS

from .rendering import arender


@require_http_methods(["GET", "HEAD", "POST"])
@staff_only
async def upload(request: HttpRequest) -> HttpResponse:
    """Take an order file and lead on to the job that imports it."""
    return await take_upload(request)


# Django's transactions belong to one thread. So the whole of parsing the upload, writing the run
# and enqueuing its job is one sync island, in the thread that holds the request's connection.
@sync_to_async(thread_sensitive=True)
def take_upload(request: HttpRequest) -> HttpResponse:
    """Answer an upload with a redirect to its job, or with the form and what is wrong."""
    asked = request.method == "POST"
    form = UploadForm(request.POST, request.FILES) if asked else UploadForm()
    if not form.is_valid():
        context = {"form": form, "columns": COLUMNS, "limit": settings.SHOP_UPLOAD_LIMIT}
        return render(request, "shop/upload.html", context, status=422 if asked else 200)
    run = request_import(form.cleaned_data["file"], request.user)
    return redirect("job", run.job_id)


@require_safe
@staff_only
async def import_run(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the counts of an import, every problem, and how far its receipts are."""
    run = await aget_object_or_404(ImportRun.objects.select_related("created_by"), pk=pk)
    context = {
        "run": run,
        "page": await sync_to_async(page_of)(request, run.problems.all()),
        "mails": await run.receipts.aaggregate(wanted=Count("pk"), sent=Count("sent_at")),
    }
    return await arender(request, "shop/import.html", context)


@require_safe
@staff_only
async def problems(_request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """Send the problems of an import as a file, to mend the order file by."""
    run = await aget_object_or_404(ImportRun, pk=pk)
    lines = as_csv(PROBLEM_COLUMNS, run.problems.all(), problem_rows)
    response = StreamingHttpResponse(lines, content_type="text/csv")
    response["Content-Disposition"] = f'attachment; filename="problems-{run.pk}.csv"'
    return response


@require_safe
@staff_only
async def mails(request: HttpRequest, pk: int) -> HttpResponse:
    """List the receipts of an import, those sent last on top, and watch them go out."""
    run = await aget_object_or_404(ImportRun, pk=pk)
    latest = run.receipts.select_related("customer").order_by(F("sent_at").desc(nulls_last=True), "pk")
    context = {
        "run": run,
        "page": await sync_to_async(page_of)(request, latest),
        "mails": await run.receipts.aaggregate(wanted=Count("pk"), sent=Count("sent_at")),
    }
    return await arender(request, "shop/mails.html", context)


@require_POST
@staff_only
def send_receipts(request: HttpRequest, pk: int) -> HttpResponse:
    """Have every customer of an import sent their receipt."""
    wanted = len(request_receipts(get_object_or_404(ImportRun, pk=pk)))
    if wanted:
        messages.success(request, f"{wanted:,} receipts are on their way.")
    else:
        messages.info(request, "Every customer of this import has been sent a receipt already.")
    return redirect("mails", pk)

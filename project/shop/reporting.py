"""Build a monthly report and file it."""

import io

from django.core.files.base import ContentFile
from django.utils import timezone

from .models import Report
from .revenue import month_revenue


def build(report: Report) -> str:
    """Draw the report and keep it as a file; return the file's name.

    Built twice, the second file replaces the first: the name depends on the report alone.
    """
    # Matplotlib takes a second to import; only the worker that draws shall pay for it.
    from . import report_pdf  # noqa: PLC0415

    month = month_revenue(report.month)
    pdf = io.BytesIO()
    report_pdf.draw(month, pdf)
    name = f"revenue-{report.month:%Y-%m}-{report.pk}.pdf"
    report.file.save(name, ContentFile(pdf.getvalue()), save=False)
    report.revenue, report.orders, report.customers = month.revenue, month.orders, month.customers
    report.finished_at = timezone.now()
    report.save(update_fields=["file", "revenue", "orders", "customers", "finished_at"])
    return str(report.file.name)

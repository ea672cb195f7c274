"""Notices to the staff."""

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.utils import timezone

from .models import ImportRun


def import_finished(run: ImportRun) -> EmailMessage:
    """Return the mail that says how an import went, to its uploader or else to the office."""
    uploader = run.created_by.email if run.created_by else ""
    return EmailMessage(
        subject=f"Import of {run.file_name} finished: {run.rows_imported:,} rows imported",
        body=render_to_string("shop/mail/import_finished.txt", {"run": run}),
        to=[uploader or settings.SHOP_OFFICE_EMAIL],
        headers={"Message-ID": f"<import-{run.pk}@shop.example>"},
    )


async def amark_sent(run: ImportRun) -> None:
    """Remember that the notice about an import went out."""
    run.notified_at = timezone.now()
    await run.asave(update_fields=["notified_at"])

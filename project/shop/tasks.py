"""The shop's jobs. Each is a doorway: the work itself lives in a module of its own."""

from datetime import date, timedelta
from smtplib import SMTPException

import httpx
from asgiref.sync import sync_to_async
from django.core.mail import EmailMessage
from django.utils import timezone

from taskyard import Exponential, enqueue_on, policy, schedule, task
from taskyard_monitoring.exposing import exposed

from . import importing, notices, order_mails, outside, receipts, reporting, rollup
from .models import Confirmation, ExchangeRate, ImportRun, OrderNote, Receipt, Report
from .signals import note_added

mail_policy = policy(
    max_attempts=5,
    backoff=Exponential(base=2, cap=600),
    retry_on=(SMTPException, OSError),
    timeout=120,
    retention=timedelta(days=30),
)


@task(queue_name="imports")
@policy(max_attempts=3, backoff=Exponential(base=5, cap=60), timeout=1800)
def import_orders(import_run_id: int) -> dict[str, int | str]:
    """Import an uploaded order file, then tell whoever uploaded it."""
    run = ImportRun.objects.get(pk=import_run_id)
    importing.import_file(run)
    notice = notify_import_finished.enqueue(run.pk)
    return {"imported": run.rows_imported, "rejected": run.rows_rejected, "notice": notice.id}


@task(queue_name="reports", priority=10)
@policy(max_attempts=2, timeout=300)
def build_report(report_id: int) -> str:
    """Draw the revenue report of a month; return the name of its file."""
    return reporting.build(Report.objects.get(pk=report_id))


@task(queue_name="mail")
@mail_policy
def send_receipt(receipt_id: int) -> bool:
    """Send a customer the receipt for the orders of an import; return whether it was due."""
    return receipts.send(Receipt.objects.get(pk=receipt_id))


@task(queue_name="mail")
@mail_policy
async def notify_import_finished(import_run_id: int) -> bool:
    """Tell whoever uploaded a file what became of it; return whether they had to be told."""
    run = await ImportRun.objects.select_related("created_by").aget(pk=import_run_id)
    if run.notified_at:
        return False
    await asend(notices.import_finished(run))
    await notices.amark_sent(run)
    return True


@task(queue_name="mail")
@mail_policy
async def send_confirmation(confirmation_id: int) -> bool:
    """Send a customer the confirmation of an order; return whether it was due."""
    wanted = await (
        Confirmation.objects.select_related("order__customer")
        .prefetch_related("order__lines__product")
        .aget(pk=confirmation_id)
    )
    if wanted.finished_at:
        return False
    await asend(order_mails.confirmation(wanted))
    wanted.finished_at = timezone.now()
    await wanted.asave(update_fields=["finished_at"])
    return True


# Whoever writes a note sends the signal and knows nothing of this job.
@enqueue_on(note_added, args=lambda note, **_: [note.pk])
@task(queue_name="mail")
@mail_policy
async def tell_office_of_note(note_id: int) -> None:
    """Pass a note about an order on to the office."""
    note = await OrderNote.objects.select_related("order", "author").aget(pk=note_id)
    await asend(order_mails.note_to_office(note))


# Unique: however many pages find the rates missing, they are fetched once.
@task
@policy(unique=True, max_attempts=3, retry_on=(httpx.HTTPError,), timeout=60)
@exposed(permission="shop.change_exchangerate")
async def refresh_rates() -> list[str]:
    """Store today's exchange rates; return their currencies."""
    rates = await outside.fetch_rates()
    # One statement, hence no transaction, and no thread of its own to keep one in.
    await ExchangeRate.objects.abulk_create(
        [ExchangeRate(currency=currency, rate=rate) for currency, rate in rates.items()],
        update_conflicts=True,
        unique_fields=["currency"],
        update_fields=["rate", "fetched_at"],
    )
    return sorted(rates)


@schedule("15 0 * * *", name="nightly roll-up", missed="run_once")
@task
def roll_up_yesterday() -> str:
    """Enqueue the roll-up of yesterday; return the job's id."""
    return roll_up_day.enqueue(str(timezone.localdate() - timedelta(days=1))).id


@task
@policy(max_attempts=3, backoff=Exponential(base=10, cap=300), timeout=60)
@exposed(permission="shop.change_dailyrevenue")
def roll_up_day(iso_date: str) -> str:
    """Add up one day's orders into the daily revenue; return the revenue."""
    return str(rollup.roll_up(date.fromisoformat(iso_date)).revenue)


async def asend(message: EmailMessage) -> None:
    """Send a mail. Django does so without async: a thread of its own keeps the event loop free meanwhile."""
    await sync_to_async(message.send, thread_sensitive=False)()

"""The shop's jobs. Each is a doorway: the work itself lives in a module of its own."""

from datetime import date, timedelta
from smtplib import SMTPException

from asgiref.sync import sync_to_async
from django.utils import timezone

from taskyard import Exponential, policy, schedule, task

from . import importing, notices, receipts, reporting, rollup
from .models import ImportRun, Receipt, Report

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
    # Django sends mail without async; a thread of its own keeps the event loop free meanwhile.
    await sync_to_async(notices.import_finished(run).send, thread_sensitive=False)()
    await notices.amark_sent(run)
    return True


@schedule("15 0 * * *", name="nightly roll-up", missed="run_once")
@task
def roll_up_yesterday() -> str:
    """Enqueue the roll-up of yesterday; return the job's id."""
    return roll_up_day.enqueue(str(timezone.localdate() - timedelta(days=1))).id


@task
@policy(max_attempts=3, backoff=Exponential(base=10, cap=300), timeout=60)
def roll_up_day(iso_date: str) -> str:
    """Add up one day's orders into the daily revenue; return the revenue."""
    return str(rollup.roll_up(date.fromisoformat(iso_date)).revenue)

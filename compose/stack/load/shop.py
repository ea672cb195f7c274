"""The shop's own jobs: an import, its receipts, confirmations and reports, shared out among the engines."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from pathlib import Path
from time import time

from django.conf import settings
from django.core.files.base import ContentFile

from shop.models import Order, Report
from shop.requests import request_confirmation, request_import, request_receipts, request_report
from taskyard import TaskResult, get_result
from taskyard.history import LOST, count
from taskyard.models import Job
from taskyard.waiting import wait_until

ROWS = 150
CONFIRMATIONS = 10
MONTHS = 3

PATIENCE = 120.0
"""Seconds for the import, which must be there before the rest."""


@dataclass(slots=True)
class Work:
    """What the shop was asked for."""

    jobs: list[str] = field(default_factory=list)
    mails: dict[str, str] = field(default_factory=dict)
    """The Message-IDs of what customers must get, and the job that sends each."""

    reports: list[int] = field(default_factory=list)


def ask_for_some() -> Work:
    """Have a file of orders imported, and then all that comes of it."""
    run = request_import(ContentFile(_orders().encode(), "load.csv"), None)
    imported = get_result(run.job_id)
    wait_until(lambda: _is_finished(imported), "the shop has imported a file", PATIENCE)
    work = Work(jobs=[run.job_id, imported.return_value["notice"]])
    for result, receipt in zip(request_receipts(run), run.receipts.all(), strict=True):
        work.jobs.append(result.id)
        work.mails[f"<receipt-{receipt.pk}@shop.example>"] = result.id
    orders = Order.objects.filter(lines__import_run=run).distinct().order_by("pk")
    for order in orders[:CONFIRMATIONS]:
        confirmation = request_confirmation(order, None)
        work.jobs.append(confirmation.job_id)
        work.mails[f"<confirmation-{confirmation.pk}@shop.example>"] = confirmation.job_id
    for month in Order.objects.filter(pk__in=orders).dates("ordered_on", "month")[:MONTHS]:
        report = request_report(month, None)
        work.jobs.append(report.job_id)
        work.reports.append(report.pk)
    return work


def _is_finished(result: TaskResult) -> bool:
    result.refresh()
    return bool(result.is_finished)


def _orders() -> str:
    """Return the head of the example's order file, under numbers that no load of the last days had."""
    with Path(settings.PROJECT, "shop", "data", "orders.csv").open() as file:
        head, *rows = [next(file) for _ in range(ROWS + 1)]
    return head + "".join(row.replace("SO-", f"SO-{int(time()) % 1_000_000:06}", 1) for row in rows)


def faults(work: Work, mails: Path | None) -> Iterator[str]:
    """Yield what of it has not been done, or done twice."""
    without = Report.objects.filter(pk__in=work.reports, file="").count()
    if without:
        yield f"{without} of {len(work.reports)} reports have no file."
    if mails is None:
        return
    sent = Counter(message_from_bytes(path.read_bytes())["Message-ID"] for path in mails.glob("new/*"))
    for wanted, job_id in work.mails.items():
        # Who dies between sending and writing that down has it sent again.
        most = 1 + count(Job.objects.get(pk=job_id).history(), LOST)
        if not 1 <= sent[wanted] <= most:
            yield f"The mail {wanted} was sent {sent[wanted]} times."

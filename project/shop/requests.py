"""What people and schedules ask for: each writes down the wish and enqueues its job together.

The job's row is part of the transaction, so there is never a wish without a job nor a job without
a wish, whatever fails in between.
"""

from datetime import date

from django.contrib.auth.models import User
from django.core.files import File
from django.db import transaction

from taskyard import TaskResult, enqueue_many

from . import tasks
from .models import Confirmation, Customer, ImportRun, Order, Receipt, Report


def request_import(file: File, user: User | None) -> ImportRun:
    """Keep an uploaded order file and have it imported."""
    with transaction.atomic():
        run = ImportRun.objects.create(file=file, file_name=file.name, created_by=user)
        run.job_id = tasks.import_orders.enqueue(run.pk).id
        run.save(update_fields=["job_id"])
    return run


def request_report(month: date, user: User | None) -> Report:
    """Have the revenue report of a month built for a user."""
    with transaction.atomic():
        report = Report.objects.create(month=month.replace(day=1), created_by=user)
        report.job_id = tasks.build_report.enqueue(report.pk).id
        report.save(update_fields=["job_id"])
    return report


def request_confirmation(order: Order, user: User | None) -> Confirmation:
    """Have an order confirmed to its customer, as often as somebody asks for it."""
    with transaction.atomic():
        confirmation = Confirmation.objects.create(order=order, created_by=user)
        confirmation.job_id = tasks.send_confirmation.enqueue(confirmation.pk).id
        confirmation.save(update_fields=["job_id"])
    return confirmation


def request_receipts(run: ImportRun) -> list[TaskResult]:
    """Have every customer of an import sent their receipt; those asked for before are left out."""
    with transaction.atomic():
        # Two people may press the button at once: the second waits here and finds nothing left.
        ImportRun.objects.select_for_update().get(pk=run.pk)
        customers = Customer.objects.filter(orders__lines__import_run=run).distinct()
        receipts = Receipt.objects.bulk_create(
            Receipt(import_run=run, customer=customer)
            for customer in customers.exclude(receipts__import_run=run)
        )
        return enqueue_many(tasks.send_receipt, [(receipt.pk,) for receipt in receipts])


def request_roll_up(days: list[date]) -> list[TaskResult]:
    """Have the revenue of some days added up."""
    return enqueue_many(tasks.roll_up_day, [(day.isoformat(),) for day in days])

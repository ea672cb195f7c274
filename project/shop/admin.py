"""The shop in Django's admin."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from .models import (
    Confirmation,
    Customer,
    DailyRevenue,
    ExchangeRate,
    ImportProblem,
    ImportRun,
    Order,
    OrderLine,
    OrderNote,
    Product,
    Receipt,
    Report,
)
from .requests import request_report

MONTHS_AT_ONCE = 12


def build_reports(request: HttpRequest, months: Iterable[date]) -> None:
    """Have a report built for each month, and say where to watch it."""
    months = sorted(months)
    if len(months) > MONTHS_AT_ONCE:
        messages.error(
            request,
            f"You selected {len(months)} different months. Narrow the selection to {MONTHS_AT_ONCE} at most.",
        )
        return
    for month in months:
        report = request_report(month, request.user)
        address = reverse("report", args=[report.pk])
        link = format_html('<a href="{}">Watch its progress</a>', address)
        messages.success(request, format_html("{} is on its way. {}.", report, link))


class ReadOnly:
    """For records that jobs write and people only look at."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody adds one by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes one by hand."""
        return False


class OrderLineInline(admin.TabularInline):
    """The lines of an order."""

    model = OrderLine
    extra = 0
    autocomplete_fields = ("product",)
    raw_id_fields = ("import_run",)


class ImportProblemInline(ReadOnly, admin.TabularInline):
    """The problems of an import."""

    model = ImportProblem
    fields = ("line_number", "column", "value", "wrong", "remedy")


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin):
    """The catalogue."""

    list_display = ("sku", "name")
    search_fields = ("sku", "name")


@admin.register(Customer)
class CustomerAdmin(admin.ModelAdmin):
    """The customers."""

    list_display = ("name", "email", "country")
    list_filter = ("country",)
    search_fields = ("name", "email")


@admin.register(Order)
class OrderAdmin(admin.ModelAdmin):
    """The orders, by day; reports are built for the months of those selected."""

    actions = ("build_report",)
    autocomplete_fields = ("customer",)
    date_hierarchy = "ordered_on"
    inlines = (OrderLineInline,)
    list_display = ("number", "ordered_on", "customer")
    list_select_related = ("customer",)
    search_fields = ("number", "customer__name", "customer__email")

    @admin.action(description="Build report of the month", permissions=["view"])
    def build_report(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        """Build the revenue report of each month among the selected orders."""
        build_reports(request, queryset.dates("ordered_on", "month"))


@admin.register(Report)
class ReportAdmin(ReadOnly, admin.ModelAdmin):
    """The reports; those selected can be built anew."""

    actions = ("build_report",)
    list_display = ("__str__", "created_by", "created_at", "state")
    list_filter = ("month",)
    list_select_related = ("created_by",)

    @admin.action(description="Build report again", permissions=["view"])
    def build_report(self, request: HttpRequest, queryset: QuerySet[Report]) -> None:
        """Build another report for each month among the selected ones."""
        build_reports(request, queryset.dates("month", "month"))


@admin.register(ImportRun)
class ImportRunAdmin(ReadOnly, admin.ModelAdmin):
    """The imports and their problems."""

    inlines = (ImportProblemInline,)
    list_display = ("file_name", "created_at", "rows_imported", "rows_rejected", "state")


@admin.register(Receipt)
class ReceiptAdmin(ReadOnly, admin.ModelAdmin):
    """The receipts and whether they went out."""

    list_display = ("customer", "import_run", "sent_at")
    list_select_related = ("customer", "import_run")
    search_fields = ("customer__email",)


@admin.register(DailyRevenue)
class DailyRevenueAdmin(ReadOnly, admin.ModelAdmin):
    """The nightly roll-up."""

    date_hierarchy = "day"
    list_display = ("day", "orders", "pieces", "revenue", "rolled_up_at")


@admin.register(Confirmation)
class ConfirmationAdmin(ReadOnly, admin.ModelAdmin):
    """The confirmations of orders and whether they went out."""

    list_display = ("order", "created_by", "created_at", "state")
    list_select_related = ("order", "created_by")


@admin.register(OrderNote)
class OrderNoteAdmin(admin.ModelAdmin):
    """What colleagues wrote about orders."""

    list_display = ("order", "author", "written_at", "text")
    list_select_related = ("order", "author")
    raw_id_fields = ("order",)


@admin.register(ExchangeRate)
class ExchangeRateAdmin(ReadOnly, admin.ModelAdmin):
    """The rates as the bank told them last."""

    list_display = ("currency", "rate", "fetched_at")

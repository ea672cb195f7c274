"""What operators did, in the admin."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from taskyard.models import AuditEntry
from taskyard.operating import audit

from .changelist import CappedPaginator
from .read_only import ReadOnly


@admin.register(AuditEntry)
class AuditAdmin(ReadOnly, admin.ModelAdmin):
    """Entries to be looked for and looked at, newest first."""

    list_display = ("at", "user", "source", "action", "subject", "count", "reason")
    search_fields = ("user", "action", "subject", "reason")
    search_help_text = f"Looks through the newest {audit.WINDOW:,} entries."
    ordering = ("-pk",)
    sortable_by = ()
    list_per_page = 50
    list_max_show_all = 0
    show_full_result_count = False
    paginator = CappedPaginator

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Allow none: what no index leads to is looked for among the newest alone."""
        return False

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[Any]", search_term: str
    ) -> "tuple[QuerySet[Any], bool]":
        """Look through the newest."""
        scope = audit.newest(queryset) if search_term else queryset
        return super().get_search_results(request, scope, search_term)

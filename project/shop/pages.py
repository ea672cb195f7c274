"""Long lists, a page at a time."""

from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest


def page_of(request: HttpRequest, rows: QuerySet[Any], size: int = 50) -> Page:
    """Return the page the address asks for, or the nearest there is."""
    return Paginator(rows, size).get_page(request.GET.get("page"))

"""A list in the admin that a million jobs do not slow.

Nothing is counted beyond a cap, and what no index leads to is looked for among the newest jobs alone.
"""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

from taskyard.models import Job
from taskyard.operating.counting import Capped, capped
from taskyard.operating.search import WINDOW, Search
from taskyard.operating.words import BadSearch

from .filters import FILTERS


def search_of(query: str, filters: Mapping[str, str]) -> Search:
    """Return what is looked for: what stands in the search box, and what the filters add.

    Raises:
        BadSearch: where that cannot be read.
    """
    named = {each.parameter_name: filters.get(each.parameter_name) for each in FILTERS}
    return Search.parse(query, [f"{name}:{value}" for name, value in named.items() if value])


class CappedPaginator(Paginator):
    """Counts no further than the cap; what lies beyond its last page is found by a narrower search."""

    @cached_property
    def count(self) -> Capped:
        """How many rows there are, the cap at most."""
        return capped(self.object_list)  # type: ignore[arg-type]


class JobChangeList(ChangeList):
    """Jobs, newest first, chosen by what the search box and the filters say."""

    note = ""
    """What people should know of the list before they trust it."""

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> "QuerySet[Job]":
        """Return the jobs that are looked for."""
        self.filter_specs, self.has_filters, *_, self.has_active_filters = self.get_filters(request)
        self.clear_all_filters_qs = self.get_query_string(remove=self.get_filters_params())
        try:
            search = search_of(self.query, request.GET)
        except BadSearch as fault:
            messages.error(request, f"Nothing was looked for. {fault}")
            return Job.objects.none()
        return self._found(search)

    def _found(self, search: Search) -> "QuerySet[Job]":
        jobs = search.jobs().defer("return_value", "metadata")
        end = search.end_of_window()
        if end is None:
            return jobs
        self.note = f"Looked for among the newest {WINDOW:,} jobs. A state or a shorter time reaches further."
        return jobs.filter(pk__gte=end)

"""Workers in the admin."""

from typing import Any, ClassVar

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from taskyard.admin.read_only import ReadOnly
from taskyard.operating.presenting import age

from .fleet import worker_statuses
from .models import WorkerProcess


@admin.register(WorkerProcess)
class WorkerProcessAdmin(ReadOnly, admin.ModelAdmin):
    """The processes that run jobs, and those lost within a day."""

    class Media:
        css: ClassVar[dict[str, tuple[str, ...]]] = {"all": ("taskyard/admin.css",)}

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the processes."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": "Worker processes",
            "cl": {"opts": self.opts},
            "workers": [
                (status, *map(age, (process.started_at, process.claimed_at, process.beat_at)))
                for status in worker_statuses()
                for process in (status.process,)
            ],
            "media": self.media,
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/taskyard_workers/workerprocess/change_list.html", context)

"""Queues in the admin: what waits and runs in each, and the buttons that pause and resume."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from taskyard.models import PausedQueue
from taskyard.operating.deeds import pause_queue, resume_queue
from taskyard.operating.presenting import age
from taskyard.operating.queues import queue_statuses

from .acting import operator_of
from .read_only import ReadOnly


@admin.register(PausedQueue)
class QueueAdmin(ReadOnly, admin.ModelAdmin):
    """All queues, not only those that have a row because they are paused."""

    class Media:
        css: ClassVar[dict[str, tuple[str, ...]]] = {"all": ("taskyard/admin.css",)}

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Tell who may pause and resume queues."""
        return request.user.has_perm("taskyard.operate_queue")

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the queues, or pause or resume one."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            self._steer(request)
            return HttpResponseRedirect(reverse(f"{self.admin_site.name}:taskyard_pausedqueue_changelist"))
        context = {
            **self.admin_site.each_context(request),
            "title": "Queues",
            "cl": {"opts": self.opts},
            "queues": [
                (status, age(status.oldest), status.paused and age(status.paused.paused_at))
                for status in queue_statuses()
            ],
            "may_operate": self.has_operate_permission(request),
            "media": self.media,
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/taskyard/pausedqueue/change_list.html", context)

    def _steer(self, request: HttpRequest) -> None:
        if not self.has_operate_permission(request):
            raise PermissionDenied
        if name := request.POST.get("pause"):
            is_news = pause_queue(operator_of(request), name)
            messages.success(request, f"Queue {name} {'is paused' if is_news else 'was paused already'}.")
        elif name := request.POST.get("resume"):
            is_news = resume_queue(operator_of(request), name)
            messages.success(request, f"Queue {name} {'is resumed' if is_news else 'was not paused'}.")

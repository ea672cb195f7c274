"""Engines: whether each can be reached, what waits in it, and which of its settings are dangerous."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from .access import viewer_required
from .page import page


@viewer_required
@require_safe
def engines(request: HttpRequest) -> HttpResponse:
    """Show the backends of `settings.TASKS`."""
    return page(request, "taskyard/console/engines.html", here="engines")

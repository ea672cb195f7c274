"""A page of the console: a template in the shell, with what the shell shows on every page."""

from dataclasses import dataclass
from typing import Any

from django.contrib.messages import get_messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from .viewer import Viewer, viewer_of


@dataclass(frozen=True, slots=True)
class Place:
    """A page that the navigation leads to."""

    name: str
    """Of its URL."""

    title: str
    key: str
    """Pressed after `g`, it leads there."""

    is_for_administrators: bool = False

    @property
    def url(self) -> str:
        """Where it is."""
        return reverse(f"taskyard:{self.name}")


PLACES = (
    Place("overview", "Overview", "o"),
    Place("jobs", "Jobs", "j"),
    Place("queues", "Queues", "q"),
    Place("workers", "Workers", "w"),
    Place("schedules", "Schedules", "s"),
    Place("engines", "Engines", "e"),
    Place("audit", "Audit", "a", is_for_administrators=True),
)


def page(
    request: HttpRequest,
    template: str,
    context: dict[str, Any] | None = None,
    *,
    here: str = "",
    status: int = 200,
) -> HttpResponse:
    """Render a template that extends `taskyard/console/base.html`.

    Args:
        request: with who looks at it.
        template: its name.
        context: what it shows; `viewer` is there anyway.
        here: the name of the place in the navigation that it belongs to.
        status: of the answer.
    """
    viewer = viewer_of(request.user)
    shell = {
        "viewer": viewer,
        "user_name": request.user.get_username(),
        "places": _places(viewer),
        "here": here,
        "now": timezone.now(),
        "messages": get_messages(request),
    }
    return render(request, template, {**shell, **(context or {})}, status=status)


def _places(viewer: Viewer) -> list[Place]:
    if not viewer.may_view:
        return []
    return [place for place in PLACES if viewer.may_administer or not place.is_for_administrators]

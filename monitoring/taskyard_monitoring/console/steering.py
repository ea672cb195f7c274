"""How every action of the console goes: a question, the deed with its reason, and what came of it."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from taskyard.operating.audit import CONSOLE, Operator
from taskyard_monitoring.snapshot import forget

from .page import page

REASON_LENGTH = 500
"""Characters of a reason that are kept."""


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody is asked before something is done."""

    title: str
    """As in "Pause queue mail?"."""

    text: str
    """What will follow."""

    verb: str
    """On the button that does it; "" where nothing can be done."""

    items: list[str] = field(default_factory=list)
    """To what it is done, where that is several."""

    is_dangerous: bool = False
    asks_reason: bool = True
    values: list[tuple[str, str]] = field(default_factory=list)
    """Hidden fields that are sent along."""


def ask(request: HttpRequest, question: Question, *, place: str) -> HttpResponse:
    """Show a question: in the dialog of the page where a script asked for it, as a page of its own elsewhere.

    Its form posts to the address that showed it.
    """
    context = {
        "question": question,
        "action": request.get_full_path(),
        "back": where_from(request) or reverse(f"taskyard:{place}"),
        "reason_length": REASON_LENGTH,
    }
    if request.headers.get("HX-Request"):
        return render(request, "taskyard/console/parts/question.html", context)
    return page(request, "taskyard/console/question.html", context, here=place)


def operator(request: HttpRequest) -> Operator:
    """Return who acts and why, for the audit."""
    return Operator(request.user.get_username(), CONSOLE, reason_of(request))


def told(request: HttpRequest, text: str) -> None:
    """Tell somebody what happened and to how many, as a sentence."""
    messages.success(request, text, fail_silently=True)


def refused(request: HttpRequest, text: str) -> None:
    """Tell somebody why nothing was done."""
    messages.error(request, text, fail_silently=True)


def reason_of(request: HttpRequest) -> str:
    """Return why somebody does it, in their words."""
    return request.POST.get("reason", "").strip()[:REASON_LENGTH]


def back(request: HttpRequest, place: str) -> HttpResponse:
    """Return to where somebody came from, and to a place of the console if that is not known.

    What they see there is no older than what they did.
    """
    forget()
    return HttpResponseRedirect(_safe(request, request.POST.get("back", "")) or reverse(f"taskyard:{place}"))


def where_from(request: HttpRequest) -> str:
    """Return the address, on this site, of the page on which somebody pressed the button; "" if not known."""
    parts = urlsplit(request.headers.get("HX-Current-URL", ""))
    return _safe(request, f"{parts.path}?{parts.query}" if parts.query else parts.path)


def _safe(request: HttpRequest, address: str) -> str:
    is_ours = url_has_allowed_host_and_scheme(address, allowed_hosts=None, require_https=request.is_secure())
    return address if is_ours and address.startswith("/") else ""

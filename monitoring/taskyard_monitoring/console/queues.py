"""Queues: what waits and runs in each, and which are paused."""

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods, require_safe

from taskyard.operating import deeds

from . import steering
from .access import operator_required, viewer_required
from .page import page
from .steering import Question

LENGTH = 128
"""Characters of a queue's name."""


@viewer_required
@require_safe
def queues(request: HttpRequest) -> HttpResponse:
    """Show the queues."""
    return page(request, "taskyard/console/queues.html", here="queues")


@operator_required
@require_http_methods(["GET", "POST"])
def steer(request: HttpRequest, action: str) -> HttpResponse:
    """Ask whether a queue is to be paused or resumed, and do it once that is confirmed."""
    if action not in ("pause", "resume"):
        raise Http404(f"A queue can be paused and resumed, and nothing else: not {action!r}.")
    name = (request.POST if request.method == "POST" else request.GET).get("queue", "")
    if not name or len(name) > LENGTH:
        raise Http404("The address does not say which queue.")
    if request.method == "GET":
        return steering.ask(request, _question(action, name), place="queues")
    operator = steering.operator(request)
    if action == "pause":
        is_news = deeds.pause_queue(operator, name)
        steering.told(request, f"Queue {name} {'is paused' if is_news else 'was paused already'}.")
    else:
        is_news = deeds.resume_queue(operator, name)
        steering.told(request, f"Queue {name} {'is resumed' if is_news else 'was not paused'}.")
    return steering.back(request, "queues")


def _question(action: str, name: str) -> Question:
    if action == "pause":
        return Question(
            title=f"Pause queue {name}?",
            text="No worker of any engine takes a job from it until it is resumed. Jobs that run now go on "
            "to their end, and new ones can be enqueued.",
            verb="Pause",
            values=[("queue", name)],
        )
    return Question(
        title=f"Resume queue {name}?",
        text="Workers take jobs from it again, those first that are most urgent and have waited longest.",
        verb="Resume",
        values=[("queue", name)],
    )

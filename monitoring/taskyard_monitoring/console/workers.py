"""Worker processes: what each does now, and how to quiet and stop them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods, require_safe

from taskyard.database import explained_errors, jobs_alias
from taskyard.operating.audit import recorded_with
from taskyard_workers import fleet
from taskyard_workers.models import WorkerProcess

from . import steering
from .access import administrator_required, viewer_required
from .page import page
from .steering import Question


@dataclass(frozen=True, slots=True)
class Wish:
    """What can be asked of worker processes."""

    verb: str
    text: str
    done: str
    act: Callable[[Iterable[str]], int]
    is_dangerous: bool = False


WISHES = {
    "quiet": Wish(
        "Quiet",
        "It takes no more jobs and finishes those it has. It stays there, and can be woken.",
        "asked to take no more jobs",
        fleet.quiet,
    ),
    "wake": Wish("Wake", "It takes jobs again.", "asked to take jobs again", fleet.wake),
    "stop": Wish(
        "Stop",
        "It takes no more jobs, finishes those it has within its grace period, and ends. What it cannot "
        "finish goes back to the queue. Whether it is started again is up to whatever started it.",
        "asked to stop",
        fleet.stop,
        is_dangerous=True,
    ),
}


@viewer_required
@require_safe
def workers(request: HttpRequest) -> HttpResponse:
    """Show the processes, and those lost within a day."""
    return page(request, "taskyard/console/workers.html", here="workers")


@administrator_required
@require_http_methods(["GET", "POST"])
def steer(request: HttpRequest, action: str) -> HttpResponse:
    """Ask whether worker processes are to be quieted, woken or stopped, and do it once that is confirmed."""
    if action not in WISHES:
        raise Http404(f"A worker can be quieted, woken and stopped, and nothing else: not {action!r}.")
    wish = WISHES[action]
    chosen = (request.POST if request.method == "POST" else request.GET).getlist("process")
    with explained_errors():
        found = list(WorkerProcess.objects.using(jobs_alias()).filter(pk__in=chosen, lost_at=None))
    if request.method == "GET":
        return steering.ask(request, _question(wish, found), place="workers")
    if not found:
        steering.refused(request, "Nothing was done: no such worker is there any more.")
        return steering.back(request, "workers")
    subject = ", ".join(f"worker {process.name}" for process in found)
    with recorded_with(steering.operator(request), action, subject) as tally:
        count = wish.act([process.pk for process in found])
        tally.add(count)
    verb = "is" if count == 1 else "are"
    steering.told(request, f"{_in_words(count)} {verb} {wish.done}, and will hear of it within seconds.")
    return steering.back(request, "workers")


def _question(wish: Wish, found: list[WorkerProcess]) -> Question:
    if not found:
        return Question(
            title="No such worker is there any more",
            text="It has left or was declared lost since the page was drawn.",
            verb="",
        )
    return Question(
        title=f"{wish.verb} {f'worker {found[0].name}' if len(found) == 1 else _in_words(len(found))}?",
        text=wish.text,
        verb=wish.verb,
        items=[f"{each.name} ({each.backend}, process {each.pid} on {each.host})" for each in found],
        is_dangerous=wish.is_dangerous,
        values=[("process", each.pk) for each in found],
    )


def _in_words(count: int) -> str:
    return "1 worker" if count == 1 else f"{count:,} workers"

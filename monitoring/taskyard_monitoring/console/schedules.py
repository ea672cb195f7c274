"""Schedules: when each fires next and last, how late, and how to pause and run them."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_safe

from taskyard.database import explained_errors, jobs_alias
from taskyard.models import Schedule
from taskyard.operating import deeds
from taskyard.schedules.calls import ScheduleFault
from taskyard.schedules.control import next_runs as next_slots

from . import steering
from .access import operator_required, viewer_required
from .page import page
from .steering import Question

QUESTIONS = {
    "pause": (
        "Pause",
        (
            "They bring about no more jobs until they are resumed; slots that pass meanwhile are not caught "
            "up. Jobs that they brought about already go on."
        ),
    ),
    "resume": ("Resume", "They fire from their next slot on. Slots of the pause are not caught up."),
    "run": ("Run now", "A job of each is enqueued at once, beside its slots, also where it is paused."),
}


@viewer_required
@require_safe
def schedules(request: HttpRequest) -> HttpResponse:
    """Show the schedules."""
    return page(request, "taskyard/console/schedules.html", here="schedules")


@viewer_required
@require_safe
def next_runs(request: HttpRequest) -> HttpResponse:
    """Answer with the next five slots of a schedule, as a part of the page."""
    with explained_errors():
        schedule = Schedule.objects.using(jobs_alias()).filter(name=request.GET.get("name", "")).first()
    if schedule is None:
        raise Http404("There is no such schedule any more.")
    context: dict[str, object] = {}
    try:
        context["slots"] = next_slots(schedule)
    except ValueError as fault:
        context["fault"] = fault
    return render(request, "taskyard/console/parts/next_runs.html", context)


@operator_required
@require_http_methods(["GET", "POST"])
def steer(request: HttpRequest, action: str) -> HttpResponse:
    """Ask whether schedules are to be paused, resumed or run, and do it once that is confirmed."""
    if action not in QUESTIONS:
        raise Http404(f"A schedule can be paused, resumed and run, and nothing else: not {action!r}.")
    chosen = (request.POST if request.method == "POST" else request.GET).getlist("schedule")
    with explained_errors():
        known = Schedule.objects.using(jobs_alias()).filter(name__in=chosen).order_by("name")
        names = list(known.values_list("name", flat=True))
    if request.method == "GET":
        return steering.ask(request, _question(action, names), place="schedules")
    if not names:
        steering.refused(request, "Nothing was done: no schedule was chosen that is still there.")
    elif action == "run":
        _run(request, names)
    else:
        _set(request, action, names)
    return steering.back(request, "schedules")


def _set(request: HttpRequest, action: str, names: list[str]) -> None:
    operator = steering.operator(request)
    if action == "pause":
        count, done = deeds.pause_schedules(operator, names), "paused"
    else:
        count, done = deeds.resume_schedules(operator, names), "resumed"
    left = len(names) - count
    others = f" {_in_words(left)} did so before." if left else ""
    steering.told(request, f"{_in_words(count)} {done}.{others}")


def _run(request: HttpRequest, names: list[str]) -> None:
    operator = steering.operator(request)
    count = 0
    for name in names:
        try:
            deeds.run_schedule(operator, name)
        except ScheduleFault as fault:
            steering.refused(request, f"Schedule {name} cannot run: {fault}")
        except Schedule.DoesNotExist:
            steering.refused(request, f"Schedule {name} is not there any more.")
        else:
            count += 1
    if count:
        steering.told(request, f"{_in_words(count)} run: a job of each is enqueued.")


def _question(action: str, names: list[str]) -> Question:
    verb, text = QUESTIONS[action]
    if not names:
        return Question(
            title="No schedule is chosen", text="Mark some in the list, then choose what to do.", verb=""
        )
    what = f"schedule {names[0]}" if len(names) == 1 else _in_words(len(names))
    return Question(
        title=f"{verb}: {what}?",
        text=text,
        verb=verb,
        items=names if len(names) > 1 else [],
        values=[("schedule", name) for name in names],
    )


def _in_words(count: int) -> str:
    return "1 schedule" if count == 1 else f"{count:,} schedules"

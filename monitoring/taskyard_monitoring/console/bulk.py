"""Steering many jobs from the list: how many it would be, and then, batch by batch, the deed."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, QueryDict

from taskyard.database import explained_errors, jobs_alias
from taskyard.exceptions import UniqueConflict
from taskyard.ids import parse_job_id
from taskyard.models import Job
from taskyard.operating.audit import Operator
from taskyard.operating.counting import CAP, Capped, capped
from taskyard.operating.deeds import on_jobs
from taskyard.operating.operations import CANCEL, RETRY, RUN_NOW, Operation, explain_conflict
from taskyard.operating.search import WINDOW, Search
from taskyard.operating.words import BadSearch
from taskyard.states import JobState
from taskyard_monitoring.snapshot import forget

from . import steering
from .access import operator_required
from .links import jobs_url
from .page import page

OPERATIONS = {operation.name: operation for operation in (RETRY, CANCEL, RUN_NOW)}

AT_ONCE = 1_000
"""Jobs that one request goes through at most, so that it ends soon."""

MOST_CONFLICTS = 3
"""Jobs left alone of which is said why."""

APPLIES_TO = {
    RETRY: "Only finished jobs can be retried.",
    CANCEL: "Only jobs that wait or run can be cancelled.",
    RUN_NOW: "Only jobs that wait for their time or for their next attempt can be run now.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The jobs that somebody has chosen: some by their ids, or all that a search finds between two ids."""

    text: str = ""
    """The search."""

    ids: tuple[UUID, ...] = ()
    oldest: UUID | None = None
    newest: UUID | None = None
    after: UUID | None = None
    """Where the batch before this one ended."""

    @classmethod
    def of(cls, form: QueryDict) -> Self:
        """Read what the list, the question, or the page between two batches has sent.

        Raises:
            BadSearch: where the search is none, or nothing is chosen.
        """
        if "all" not in form:
            ids = tuple(found for text in form.getlist("job") if (found := parse_job_id(text)))
            if not ids:
                raise BadSearch("No job is chosen. Mark some in the list, or choose all that match.")
            return cls(text=form.get("q", ""), ids=ids, after=parse_job_id(form.get("after")))
        Search.parse(form.get("q", ""))
        oldest, newest, after = (parse_job_id(form.get(name)) for name in ("oldest", "newest", "after"))
        return cls(text=form.get("q", ""), oldest=oldest, newest=newest, after=after)

    def bounded(self) -> Self:
        """Return the same between two ids, so that what is counted now is what is acted on later."""
        if self.ids:
            return self
        keys = Job.objects.using(jobs_alias()).order_by("-pk").values_list("pk", flat=True)
        with explained_errors():
            return replace(self, oldest=Search.parse(self.text).end_of_window(), newest=keys.first())

    def jobs(self) -> "QuerySet[Job]":
        """Return the chosen jobs."""
        if self.ids:
            jobs = Job.objects.using(jobs_alias()).filter(pk__in=self.ids)
        else:
            jobs = Search.parse(self.text).jobs()
        edges = {"pk__gte": self.oldest, "pk__lte": self.newest, "pk__gt": self.after}
        return jobs.filter(**{edge: value for edge, value in edges.items() if value is not None})

    def values(self) -> list[tuple[str, str]]:
        """Return the form fields that say the same."""
        chosen = [("job", str(each)) for each in self.ids] or [("all", "1")]
        edges = [(name, getattr(self, name)) for name in ("oldest", "newest", "after")]
        return [("q", self.text), *chosen, *((name, str(value)) for name, value in edges if value)]

    def __str__(self) -> str:
        """Return what the audit calls it."""
        if len(self.ids) == 1:
            return f"job {self.ids[0]}"
        if self.ids:
            return f"jobs {', '.join(map(str, self.ids))}"
        return str(Search.parse(self.text))


@dataclass(frozen=True, slots=True)
class Eligible:
    """How many of the chosen jobs an operation can be done to."""

    chosen: Capped
    by_state: Mapping[str, int]

    @property
    def count(self) -> Capped:
        """In all."""
        return Capped(sum(self.by_state.values()))

    @property
    def successful(self) -> int:
        """How many of them have done their work already."""
        return self.by_state.get(JobState.SUCCESSFUL, 0)


@dataclass(frozen=True, slots=True)
class Done:
    """What one request has done."""

    count: int
    left_alone: int = 0
    """Jobs to which it could be done by the count, and was not."""

    conflicts: list[str] = field(default_factory=list)
    rest: Selection | None = None
    """What a further request has to go through."""

    left: int = 0
    """How many those are."""


def dry_run(operation: Operation, selection: Selection) -> Eligible:
    """Count to how many jobs it could be done, up to the cap."""
    jobs = selection.jobs()
    states = jobs.filter(operation.applies_to).order_by().values_list("state", flat=True)
    with explained_errors():
        return Eligible(capped(jobs), Counter(states[:CAP]))


def act(operator: Operator, operation: Operation, selection: Selection) -> Done:
    """Do it to the oldest `AT_ONCE` of the jobs to which it can be done, and say what is left."""
    eligible = selection.jobs().filter(operation.applies_to)
    with explained_errors():
        last = eligible.order_by("pk").values_list("pk", flat=True)[AT_ONCE - 1 : AT_ONCE].first()
    batch = selection.jobs() if last is None else selection.jobs().filter(pk__lte=last)
    seen: list[int] = []
    count = on_jobs(operator, operation, batch, str(selection), on_batch=lambda tried, _: seen.append(tried))
    left_alone = sum(seen) - count
    conflicts = _conflicts(batch) if operation is RETRY and left_alone else []
    if last is None:
        return Done(count, left_alone, conflicts)
    rest = replace(selection, after=last)
    left = capped(rest.jobs().filter(operation.applies_to))
    return Done(count, left_alone, conflicts, rest if left else None, left)


def _conflicts(jobs: "QuerySet[Job]") -> list[str]:
    """Say of some of the jobs that were not retried which other job is in their way."""
    said: list[str] = []
    with explained_errors():
        finished = list(jobs.filter(RETRY.applies_to).order_by("pk")[: 10 * MOST_CONFLICTS])
    for job in finished:
        try:
            explain_conflict(job)
        except UniqueConflict as conflict:
            said.append(str(conflict))
        if len(said) == MOST_CONFLICTS:
            break
    return said


@operator_required
def steer(request: HttpRequest, name: str) -> HttpResponse:
    """Ask whether it is to be done to the chosen jobs, and do it once that is confirmed."""
    if name not in OPERATIONS:
        raise Http404(f"There is no operation {name!r} on jobs.")
    operation = OPERATIONS[name]
    try:
        if request.method == "POST":
            return _do(request, operation, Selection.of(request.POST))
        if request.method == "GET":
            return _ask(request, operation, Selection.of(request.GET).bounded())
    except BadSearch as fault:
        question = steering.Question(title="Nothing to do", text=str(fault), verb="", asks_reason=False)
        return steering.ask(request, question, place="jobs")
    return HttpResponseNotAllowed(["GET", "POST"])


def _ask(request: HttpRequest, operation: Operation, selection: Selection) -> HttpResponse:
    eligible = dry_run(operation, selection)
    question = steering.Question(
        title=f"{operation.title}: {eligible.count} of {jobs_in_words(eligible.chosen)}",
        text=_explained(operation, selection, eligible),
        verb=f"{operation.title}: {jobs_in_words(eligible.count)}" if eligible.count else "",
        items=[
            _state_in_words(operation, state, eligible.by_state[state]) for state in sorted(eligible.by_state)
        ],
        is_dangerous=operation is CANCEL,
        asks_reason=bool(eligible.count),
        values=selection.values(),
    )
    return steering.ask(request, question, place="jobs")


def _explained(operation: Operation, selection: Selection, eligible: Eligible) -> str:
    sentences = []
    if eligible.count != eligible.chosen or not eligible.count:
        sentences.append(APPLIES_TO[operation])
    if not selection.ids:
        sentences.append(
            f"Chosen are all that match: {selection.text}." if selection.text else "Chosen are all jobs."
        )
    if selection.oldest is not None:
        sentences.append(f"They are looked for among the newest {WINDOW:,} jobs.")
    if eligible.count > AT_ONCE:
        sentences.append(f"They are gone through {AT_ONCE:,} at a time; you can stop in between.")
    return " ".join(sentences)


def _state_in_words(operation: Operation, state: str, count: int) -> str:
    words = f"{Capped(count)} {state.lower()}"
    if operation is RETRY and state == JobState.SUCCESSFUL:
        return f"{words}: what they did would be done again"
    if operation is CANCEL and state == JobState.RUNNING:
        return f"{words}: their workers are asked to stop them"
    return words


def _do(request: HttpRequest, operation: Operation, selection: Selection) -> HttpResponse:
    operator = steering.operator(request)
    done = act(operator, operation, selection)
    forget()
    so_far = _number(request.POST, "so_far") + done.count
    left_alone = _number(request.POST, "left_alone") + done.left_alone
    if done.rest is None and not left_alone and so_far == done.count:
        steering.told(request, f"{jobs_in_words(done.count)} {operation.done}.")
        return steering.back(request, "jobs")
    context: dict[str, Any] = {
        "operation": operation,
        "done": done,
        "so_far": so_far,
        "so_far_in_words": jobs_in_words(so_far),
        "left_alone": left_alone,
        "values": done.rest.values() if done.rest else [],
        "reason": operator.reason,
        "back": request.POST.get("back", ""),  # only passed on: steering.back decides whether to go there
        "list_url": jobs_url(selection.text),
    }
    return page(request, "taskyard/console/jobs/steered.html", context, here="jobs")


def _number(form: QueryDict, name: str) -> int:
    """Return a count that an earlier batch left in the form."""
    text = form.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 12 else 0


def jobs_in_words(count: int) -> str:
    """Return a number of jobs as people say it."""
    return "1 job" if count == 1 else f"{count} jobs" if isinstance(count, Capped) else f"{count:,} jobs"

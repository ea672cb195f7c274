"""Jobs in the admin."""

from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import flatten_fieldsets
from django.contrib.admin.views.main import SEARCH_VAR, ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import formats
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from taskyard.compat import TaskResultDoesNotExist
from taskyard.exceptions import UniqueConflict
from taskyard.models import Job
from taskyard.operating import presenting
from taskyard.operating.counting import capped
from taskyard.operating.deeds import on_job, on_jobs
from taskyard.operating.operations import CANCEL, RETRY, RUN_NOW, Operation, explain_conflict
from taskyard.results import find_job

from .acting import operator_of
from .changelist import CappedPaginator, JobChangeList, search_of
from .filters import FILTERS
from .read_only import ReadOnly

OPERATIONS = {operation.name: operation for operation in (RETRY, CANCEL, RUN_NOW)}

AT_ONCE = 10_000
"""Jobs that one request acts on at most, so that it ends."""

PAGE = (
    *("shown_state", "call", "progress_in_words", "returned", "earlier_attempts", "times"),
    *("tags", "carried"),
)
"""What the page of a job shows first, by the methods that show it."""

WAY = (
    *("id", "backend", "queue", "priority", "attempt", "worker"),
    *("schedule", "slot", "unique_key", "unique_until"),
)
"""The columns that tell where it goes and whence it came."""

LONGEST_LINE = 80
"""Characters of a job's arguments, or of its note, in the list."""


@admin.register(Job)
class JobAdmin(ReadOnly, admin.ModelAdmin):
    """Jobs to be looked for, looked at and steered."""

    list_display = ("shown_state", "job", "queue", "enqueued", "tries", "note")
    list_display_links = ("job",)
    list_filter = FILTERS
    list_per_page = 50
    list_max_show_all = 0
    list_select_related = ()
    sortable_by = ()
    search_fields = ("id",)  # for the search box to be there; taskyard.operating.search reads it
    search_help_text = "An id, a task, or words such as state:failed queue:mail since:2h tag:eu args.order:42"
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = CappedPaginator
    actions = ("retry", "cancel", "run_now")
    change_list_template = "admin/taskyard/job/change_list.html"
    change_form_template = "admin/taskyard/job/change_form.html"

    class Media:
        css: ClassVar[dict[str, tuple[str, ...]]] = {"all": ("taskyard/admin.css",)}

    # --- who may do what ---

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Tell who may cancel, retry and hurry jobs."""
        return request.user.has_perm("taskyard.operate_job")

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Allow what the filters offer; anything else might take the database minutes."""
        return lookup in {each.parameter_name for each in self.list_filter}

    # --- the list ---

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return our own."""
        return JobChangeList

    @admin.display(description="state")
    def shown_state(self, job: Job) -> SafeString:
        """Show the state in its colour."""
        state = presenting.shown_state(job)
        return format_html('<span class="taskyard-state taskyard-{}">{}</span>', state, state)

    @admin.display(description="job")
    def job(self, job: Job) -> SafeString:
        """Show the task, and the arguments under it."""
        return format_html(
            '{}<span class="taskyard-call">{}</span>', job.task, _short(presenting.shown_call(job))
        )

    @admin.display(description="enqueued")
    def enqueued(self, job: Job) -> SafeString:
        """Show how long ago it was enqueued."""
        return format_html(
            '<time datetime="{0}" title="{0}">{1}</time>',
            job.enqueued_at.isoformat(),
            presenting.age(job.enqueued_at),
        )

    @admin.display(description="tries")
    def tries(self, job: Job) -> str:
        """Show how often it was claimed."""
        return str(job.attempt or "")

    @admin.display(description="note", empty_value="")
    def note(self, job: Job) -> str:
        """Show why it failed, how far it is, or when it starts."""
        return _short(presenting.note(job))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the list, as what it is."""
        return super().changelist_view(request, {"title": "Jobs", **(extra_context or {})})

    # --- one job ---

    def get_fieldsets(self, request: HttpRequest, obj: Job | None = None) -> Any:
        """Show what there is to know of this job, and no empty fields."""
        return (
            (None, {"fields": [name for name in PAGE if obj is not None and getattr(self, name)(obj)]}),
            ("Way", {"fields": [name for name in WAY if getattr(obj, name, None) not in (None, "")]}),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Job | None = None) -> tuple[str, ...]:
        """Let nothing be edited."""
        return tuple(flatten_fieldsets(self.get_fieldsets(request, obj)))

    @admin.display(description="call")
    def call(self, job: Job) -> SafeString:
        """Show the task with its arguments."""
        return format_html("<code>{}{}</code>", job.task, presenting.shown_call(job))

    @admin.display(description="progress")
    def progress_in_words(self, job: Job) -> str:
        """Show how far it is."""
        return presenting.shown_progress(job)

    @admin.display(description="returned")
    def returned(self, job: Job) -> SafeString | str:
        """Show what the task returned."""
        return _block(presenting.shown_return_value(job, indent=2))

    @admin.display(description="tags")
    def tags(self, job: Job) -> str:
        """Show by what words it is found."""
        return presenting.shown_tags(job)

    @admin.display(description="metadata")
    def carried(self, job: Job) -> SafeString | str:
        """Show what travels with the job."""
        return _block(presenting.shown_metadata(job, indent=2))

    @admin.display(description="times")
    def times(self, job: Job) -> SafeString:
        """Show what happened when, and what is to come."""
        rows = [
            (label, formats.date_format(presenting.local_time(moment), "Y-m-d H:i:s"), presenting.age(moment))
            for label, moment in presenting.moments(job)
        ]
        if took := presenting.run_time(job):
            rows.append(("latest attempt took" if job.is_finished else "latest attempt runs for", took, ""))
        cells = format_html_join("", "<tr><td>{}</td><td>{}</td><td>{}</td></tr>", rows)
        return format_html('<table class="taskyard-times">{}</table>', cells)

    @admin.display(description="attempts")
    def earlier_attempts(self, job: Job) -> SafeString:
        """Show the attempts that did not succeed, with their errors, latest first."""
        entries = [
            (presenting.shown_attempt(entry), entry.get("error", {}).get("traceback", ""))
            for entry in reversed(job.history())
        ]
        return format_html_join("", "<h4>{}</h4><pre>{}</pre>", entries)

    # --- steering ---

    @admin.action(description="Retry selected jobs", permissions=["operate"])
    def retry(self, request: HttpRequest, jobs: "QuerySet[Job]") -> HttpResponse | None:
        """Run finished jobs once more."""
        return self._steer_many(RETRY, request, jobs)

    @admin.action(description="Cancel selected jobs", permissions=["operate"])
    def cancel(self, request: HttpRequest, jobs: "QuerySet[Job]") -> HttpResponse | None:
        """Cancel jobs that wait or run."""
        return self._steer_many(CANCEL, request, jobs)

    @admin.action(description="Run selected jobs now", permissions=["operate"])
    def run_now(self, request: HttpRequest, jobs: "QuerySet[Job]") -> HttpResponse | None:
        """Let jobs start that wait for their time."""
        return self._steer_many(RUN_NOW, request, jobs)

    def _steer_many(
        self, operation: Operation, request: HttpRequest, jobs: "QuerySet[Job]"
    ) -> HttpResponse | None:
        """Say how many jobs it would be, and do it once that is confirmed."""
        if "confirmed" not in request.POST:
            return self._ask(operation, request, jobs)
        done = on_jobs(operator_of(request), operation, jobs, _subject(request), limit=AT_ONCE)
        left = capped(jobs.filter(operation.applies_to)) if done >= AT_ONCE else 0
        more = f" {left} are left: do it again." if left else ""
        messages.success(request, f"{_jobs(done)} {operation.done}.{more}")
        return None

    def _ask(self, operation: Operation, request: HttpRequest, jobs: "QuerySet[Job]") -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": f"{operation.title} jobs",
            "opts": self.opts,
            "cl": {"opts": self.opts},
            "operation": operation,
            "selected": capped(jobs),
            "eligible": capped(jobs.filter(operation.applies_to)),
            "action": request.POST["action"],
            "select_across": request.POST.get("select_across", "0"),
            "checkbox": ACTION_CHECKBOX_NAME,
            "chosen": request.POST.getlist(ACTION_CHECKBOX_NAME),
            "media": self.media,
        }
        return TemplateResponse(request, "admin/taskyard/job/confirm.html", context)

    def get_urls(self) -> list[URLPattern]:
        """Add the address that steers one job."""
        steer = self.admin_site.admin_view(self.steer_one)
        return [
            path("<uuid:job_id>/steer/<slug:name>/", steer, name="taskyard_job_steer"),
            *super().get_urls(),
        ]

    def steer_one(self, request: HttpRequest, job_id: UUID, name: str) -> HttpResponse:
        """Do something to one job, as the buttons on its page want it."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_operate_permission(request):
            raise PermissionDenied
        if name not in OPERATIONS:
            raise Http404
        self._steer_one(OPERATIONS[name], request, job_id)
        return HttpResponseRedirect(reverse(f"{self.admin_site.name}:taskyard_job_change", args=[job_id]))

    def _steer_one(self, operation: Operation, request: HttpRequest, job_id: UUID) -> None:
        try:
            if on_job(operator_of(request), operation, job_id):
                messages.success(request, f"The job is {operation.done}.")
                return
            if operation is RETRY:
                explain_conflict(job_id)
            messages.warning(
                request, f"The job is {presenting.shown_state(find_job(job_id))} and was left alone."
            )
        except (TaskResultDoesNotExist, UniqueConflict) as fault:
            messages.error(request, str(fault))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """Add the buttons of what can be done to this job now."""
        job = kwargs.get("obj")
        if job is not None and self.has_operate_permission(request):
            context["operations"] = [
                operation
                for operation in OPERATIONS.values()
                if Job.objects.filter(operation.applies_to, pk=job.pk).exists()
            ]
        return super().render_change_form(request, context, *args, **kwargs)


def _subject(request: HttpRequest) -> str:
    """Return in words which jobs an action is for."""
    if request.POST.get("select_across") == "1":
        return str(search_of(request.GET.get(SEARCH_VAR, ""), request.GET))
    return f"jobs {', '.join(request.POST.getlist(ACTION_CHECKBOX_NAME))}"


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_LINE else f"{text[:LONGEST_LINE]}…"


def _block(text: str) -> SafeString | str:
    return format_html("<pre>{}</pre>", text) if text else ""


def _jobs(count: int) -> str:
    return "1 job" if count == 1 else f"{count:,} jobs"

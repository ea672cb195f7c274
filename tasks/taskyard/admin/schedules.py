"""Schedules in the admin."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from taskyard.models import Schedule
from taskyard.operating.deeds import pause_schedules, resume_schedules, run_schedule
from taskyard.operating.presenting import age, as_call, span
from taskyard.operating.redaction import redacted_schedule
from taskyard.schedules.calls import ScheduleFault
from taskyard.schedules.form import ScheduleForm
from taskyard.schedules.showing import shown_condition, shown_next_runs, shown_slot, shown_times
from taskyard.schedules.synchronising import changed_by_hand

from .acting import operator_of


class ConditionFilter(admin.SimpleListFilter):
    """Active, paused and faulty schedules."""

    title = "condition"
    parameter_name = "condition"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return what may be chosen."""
        return [("active", "Active"), ("paused", "Paused"), ("faulty", "Faulty")]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Schedule]") -> "QuerySet[Schedule]":
        """Return the schedules of the chosen condition."""
        active = queryset.filter(paused_at=None)
        match self.value():
            case "active":
                return active.filter(fault="")
            case "paused":
                return queryset.exclude(paused_at=None)
            case "faulty":
                return active.exclude(fault="")
        return queryset


@admin.register(Schedule)
class ScheduleAdmin(admin.ModelAdmin):
    """Schedules to be made, edited, paused and run."""

    form = ScheduleForm
    list_display = ("name", "condition", "times", "next", "fired", "succeeded")
    list_filter = (ConditionFilter,)
    search_fields = ("name", "task")
    ordering = ("name",)
    show_full_result_count = False
    actions = ("pause", "resume", "run")
    change_form_template = "admin/taskyard/schedule/change_form.html"

    fieldsets = (
        (None, {"fields": ("name", "task", "args", "kwargs")}),
        ("When", {"fields": ("cron", "interval", "timezone", "next_runs")}),
        ("How", {"fields": ("missed", "catch_up_window", "overlap", "jitter")}),
        ("Where", {"fields": ("queue", "priority", "backend"), "classes": ("collapse",)}),
        (
            "How it goes",
            {
                "fields": (
                    *("condition", "why_not", "last", "fired", "late_by", "succeeded"),
                    *("origin", "by_hand"),
                )
            },
        ),
    )
    readonly_fields = (
        *("call", "next_runs", "condition", "why_not", "last", "fired", "late_by", "succeeded"),
        *("origin", "by_hand"),
    )

    class Media:
        css: ClassVar[dict[str, tuple[str, ...]]] = {"all": ("taskyard/admin.css",)}

    def get_fieldsets(self, request: HttpRequest, obj: Schedule | None = None) -> Any:
        """Leave out what a new schedule has not got, and let those who only look see what may be shown."""
        shown = list(super().get_fieldsets(request, obj))
        if obj is None:
            return [each for each in shown if each[0] != "How it goes"]
        if not self.has_change_permission(request, obj):
            shown[0] = (None, {"fields": ("name", "task", "call")})
        return shown

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Allow what the filter offers: to look for an argument would tell what is not shown of it."""
        return lookup == ConditionFilter.parameter_name

    def save_model(self, request: HttpRequest, obj: Schedule, form: Any, change: bool) -> None:  # noqa: FBT001
        """Write only what was edited: dispatchers write to the same row."""
        if not change:
            obj.save()
            return
        obj.save(update_fields=[*form.changed_data, *_beside(form), "changed_at"])

    # --- how it is shown ---

    @admin.display(description="condition")
    def condition(self, schedule: Schedule) -> SafeString:
        """Show whether it fires."""
        condition = shown_condition(schedule)
        return format_html('<span class="taskyard-state taskyard-{}">{}</span>', condition, condition)

    @admin.display(description="arguments")
    def call(self, schedule: Schedule) -> str:
        """Show what its jobs get, redacted."""
        return as_call(*redacted_schedule(schedule))

    @admin.display(description="times")
    def times(self, schedule: Schedule) -> str:
        """Show when its slots are."""
        return shown_times(schedule)

    @admin.display(description="next", ordering="next_slot")
    def next(self, schedule: Schedule) -> str:
        """Show in how long it fires."""
        return "" if schedule.paused_at else age(schedule.next_slot)

    @admin.display(description="next runs")
    def next_runs(self, schedule: Schedule) -> SafeString | str:
        """Show the next five slots."""
        runs = [(each,) for each in shown_next_runs(schedule)] if schedule.pk else []
        return format_html_join(SafeString("<br>"), "{}", runs) or "Shown once it is saved."

    @admin.display(description="fault")
    def why_not(self, schedule: Schedule) -> str:
        """Show why it cannot fire."""
        return schedule.fault or "-"

    @admin.display(description="last slot")
    def last(self, schedule: Schedule) -> str:
        """Show the latest slot that became a job."""
        return shown_slot(schedule, schedule.last_slot) if schedule.last_slot else "-"

    @admin.display(description="last fired", ordering="last_fired_at")
    def fired(self, schedule: Schedule) -> str:
        """Show when it last fired."""
        return age(schedule.last_fired_at)

    @admin.display(description="late by")
    def late_by(self, schedule: Schedule) -> str:
        """Show how late its latest job came into being."""
        return "" if schedule.lateness is None else span(schedule.lateness)

    @admin.display(description="last success", ordering="last_success_at")
    def succeeded(self, schedule: Schedule) -> str:
        """Show when a job of it last succeeded."""
        return age(schedule.last_success_at)

    @admin.display(description="declared")
    def origin(self, schedule: Schedule) -> str:
        """Show where it comes from."""
        return "by hand" if schedule.declared is None else "in the code"

    @admin.display(description="changed by hand")
    def by_hand(self, schedule: Schedule) -> str:
        """Show in what it is not as the code says."""
        return ", ".join(changed_by_hand(schedule)) or "-"

    # --- steering ---

    @admin.action(description="Pause selected schedules", permissions=["change"])
    def pause(self, request: HttpRequest, schedules: "QuerySet[Schedule]") -> None:
        """Let them fire no more."""
        done = pause_schedules(operator_of(request), _names(schedules))
        messages.success(request, f"{_in_words(done)} paused.")

    @admin.action(description="Resume selected schedules", permissions=["change"])
    def resume(self, request: HttpRequest, schedules: "QuerySet[Schedule]") -> None:
        """Let them fire from now on."""
        done = resume_schedules(operator_of(request), _names(schedules))
        messages.success(request, f"{_in_words(done)} resumed.")

    @admin.action(description="Run selected schedules now", permissions=["change"])
    def run(self, request: HttpRequest, schedules: "QuerySet[Schedule]") -> None:
        """Enqueue a job of each, beside its slots."""
        done = 0
        for name in _names(schedules):
            try:
                run_schedule(operator_of(request), name)
            except ScheduleFault as fault:
                messages.error(request, f"Schedule {name!r} cannot run: {fault}")
            else:
                done += 1
        if done:
            messages.success(request, f"{_in_words(done)} run: a job of each is enqueued.")


def _beside(form: ScheduleForm) -> list[str]:
    """Return the columns that the form sets beside those that were edited."""
    return ["fault", *(["next_slot"] if form.has_new_times else [])]


def _names(schedules: "QuerySet[Schedule]") -> list[str]:
    return list(schedules.values_list("name", flat=True))


def _in_words(count: int) -> str:
    return "1 schedule" if count == 1 else f"{count:,} schedules"

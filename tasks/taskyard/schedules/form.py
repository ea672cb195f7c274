"""Schedules made and edited by hand."""

from typing import Any, ClassVar

from django import forms
from django.conf import settings

from taskyard.models import Schedule
from taskyard.operating.redaction import MASK, redacted_schedule, restored

from .calendar import rule_of
from .calls import ScheduleFault, call_of
from .synchronising import TIMES, VANISHED

ARGUMENTS = ("args", "kwargs")


class ScheduleForm(forms.ModelForm):
    """Checks what the dispatcher would stumble over: the times, the task and its arguments."""

    class Meta:
        model = Schedule
        fields: ClassVar[list[str]] = [
            *("name", "task", "args", "kwargs"),
            *("cron", "interval", "timezone"),
            *("missed", "catch_up_window", "overlap", "jitter"),
            *("queue", "priority", "backend"),
        ]
        widgets: ClassVar[dict[str, forms.Widget]] = {
            "args": forms.Textarea({"rows": 2, "cols": 60}),
            "kwargs": forms.Textarea({"rows": 2, "cols": 60}),
        }
        help_texts: ClassVar[dict[str, str]] = {
            "args": 'A JSON list, such as ["daily", 7].',
            "kwargs": 'A JSON object, such as {"lang": "de"}.',
            "interval": "Instead of cron: such as 00:15:00, or 7 00:00:00 for a week.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is None:
            self.initial.setdefault("timezone", settings.TIME_ZONE)
        if self.instance.pk is not None:
            self.initial["args"], self.initial["kwargs"] = redacted_schedule(self.instance)
        for name in ARGUMENTS:
            if name in self.fields:
                # What is left empty is no argument, not JSON's null.
                self.fields[name].empty_value = [] if name == "args" else {}  # type: ignore[attr-defined]

    @property
    def has_new_times(self) -> bool:
        """Whether the slots are others than before."""
        return bool(set(self.changed_data) & set(TIMES))

    def clean(self) -> dict[str, Any]:
        """Refuse what makes no rule."""
        data = super().clean() or self.cleaned_data
        for name in ARGUMENTS:
            if name in data:
                self._restore(name, data)
        for name in ("catch_up_window", "jitter"):
            length = data.get(name)
            if length is not None and length.total_seconds() < 0:
                self.add_error(name, "Give 0 or more.")
        if not self.errors.keys() & set(TIMES):
            self._check_times(data)
        return data

    def _restore(self, name: str, data: dict[str, Any]) -> None:
        """Keep what is stored where somebody left what they were shown in its place.

        For another task or on another backend other things are hidden, so there it has to be given anew.
        """
        if self.instance.pk is None:
            return
        shown, stored = self.initial[name], getattr(self.instance, name)
        if not {"task", "backend"} & set(self.changed_data):
            data[name] = restored(data[name], shown, stored)
        if MASK in str(data[name]) or data[name] == shown != stored:
            self.add_error(
                name,
                "What is hidden stays only where it stands, and for the same task and backend. Give it anew.",
            )

    def _check_times(self, data: dict[str, Any]) -> None:
        try:
            rule_of(data["cron"], data["interval"], data["timezone"])
        except ValueError as fault:
            self.add_error(_column_at_fault(str(fault)), str(fault))

    def _post_clean(self) -> None:
        """Check the call, once the row as it is to be stands on the instance."""
        super()._post_clean()  # type: ignore[misc]
        if self.errors:
            return
        try:
            call_of(self.instance)
        except ScheduleFault as fault:
            self.add_error(None, str(fault))

    def save(self, commit: bool = True) -> Schedule:  # noqa: FBT001, FBT002 - Django's signature
        """Save it; new times are reckoned by the next dispatcher, from its database's clock."""
        if self.has_new_times:
            self.instance.next_slot = None
        if self.instance.fault != VANISHED:
            self.instance.fault = ""
        schedule: Schedule = super().save(commit)
        return schedule


def _column_at_fault(fault: str) -> str:
    if "time zone" in fault:
        return "timezone"
    return "interval" if fault.startswith("The interval") else "cron"

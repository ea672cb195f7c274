"""What people fill in."""

from datetime import date
from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.template.defaultfilters import filesizeformat

from .models import Order
from .order_file import WrongFileError, check_header


class UploadForm(forms.Form):
    """An order file to import."""

    file = forms.FileField(
        label="Order file",
        help_text="CSV in UTF-8. Rows with mistakes are left out and listed with what to do about them.",
        max_length=120,
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
        error_messages={
            "required": "Choose the CSV file to import.",
            "empty": "This file is empty. Export the orders again.",
            "max_length": "The file's name is too long. Rename it to 120 characters at most.",
        },
    )

    def clean_file(self) -> UploadedFile:
        """Refuse what cannot be an order file, before a worker wastes time on it."""
        file = self.cleaned_data["file"]
        if not file.name.lower().endswith(".csv"):
            raise forms.ValidationError(
                f"“{file.name}” is not a CSV file. Export the orders as CSV and upload that."
            )
        if file.size > settings.SHOP_UPLOAD_LIMIT:
            raise forms.ValidationError(
                f"The file has {filesizeformat(file.size)}; the limit is "
                f"{filesizeformat(settings.SHOP_UPLOAD_LIMIT)}. Split it and upload the parts."
            )
        try:
            check_header(file.readline())
        except WrongFileError as error:
            raise forms.ValidationError(str(error)) from None
        file.seek(0)
        return file


class ReportForm(forms.Form):
    """The month to report on."""

    month = forms.TypedChoiceField(coerce=date.fromisoformat)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Offer the months that have orders."""
        super().__init__(*args, **kwargs)
        self.fields["month"].choices = [
            (month.isoformat(), f"{month:%B %Y}")
            for month in Order.objects.dates("ordered_on", "month", order="DESC")
        ]


class NoteForm(forms.Form):
    """A word about an order."""

    text = forms.CharField(
        label="Note",
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": "Write something first."},
    )

"""Uploaded order files and what became of their lines."""

import uuid

from django.db import models

from .requested import Requested


def upload_path(_run: "ImportRun", _name: str) -> str:
    """Return where to keep an upload: never under the name a browser sent."""
    return f"imports/{uuid.uuid4()}.csv"


class ImportRun(Requested):
    """One uploaded file of orders, and how many of its rows went where."""

    file = models.FileField(upload_to=upload_path)
    file_name = models.CharField(max_length=120, help_text="The name it was uploaded under.")
    notified_at = models.DateTimeField(null=True, blank=True)
    rows_total = models.PositiveIntegerField(default=0)
    rows_imported = models.PositiveIntegerField(default=0)
    rows_known = models.PositiveIntegerField(
        default=0, help_text="Rows that an earlier import had brought already."
    )
    rows_rejected = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return self.file_name


class ImportProblem(models.Model):
    """Why one cell of one line was refused, and what to do about it."""

    run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="problems")
    line_number = models.PositiveIntegerField()
    column = models.CharField(max_length=40, blank=True, help_text="Empty when the whole line is at fault.")
    value = models.CharField(max_length=120, blank=True)
    wrong = models.CharField(max_length=200)
    remedy = models.CharField(max_length=200)

    class Meta:
        ordering = ("line_number", "pk")
        indexes = (models.Index(fields=["run", "line_number"], name="shop_problem_by_line"),)

    def __str__(self) -> str:
        return f"line {self.line_number}: {self.column} {self.wrong}"

"""Receipts owed to customers."""

from django.db import models

from .imports import ImportRun
from .sales import Customer


class Receipt(models.Model):
    """The one mail a customer gets about the orders an import brought.

    The row exists from the moment the mail is wanted; `sent_at` says that it went out.
    """

    import_run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="receipts")
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="receipts")
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("pk",)
        constraints = (
            models.UniqueConstraint(fields=["import_run", "customer"], name="shop_receipt_once_per_import"),
        )

    def __str__(self) -> str:
        return f"receipt {self.pk} to {self.customer}"

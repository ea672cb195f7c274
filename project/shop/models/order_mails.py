"""What is said about an order: to its customer, and among colleagues."""

from django.conf import settings
from django.db import models

from .requested import Requested
from .sales import Order


class Confirmation(Requested):
    """The mail that confirms an order to its customer; `finished_at` says that it went out."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="confirmations")

    def __str__(self) -> str:
        return f"confirmation of {self.order}"


class OrderNote(models.Model):
    """A colleague's word about an order, which the office is told by mail."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="notes")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True)
    text = models.CharField(max_length=500)
    written_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return self.text

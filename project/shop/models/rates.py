"""What the euro is worth elsewhere."""

from django.db import models


class ExchangeRate(models.Model):
    """The latest rate that the bank has told us."""

    currency = models.CharField(max_length=3, primary_key=True)
    rate = models.DecimalField(max_digits=12, decimal_places=6, help_text="What one euro buys.")
    fetched_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("currency",)

    def __str__(self) -> str:
        return f"EUR 1 = {self.currency} {self.rate}"

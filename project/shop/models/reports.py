"""What the books say: reports people ask for and the nightly roll-up."""

from django.contrib.auth.models import AnonymousUser, User
from django.db import models
from django.db.models import Q

from shop.money import NOTHING

from .requested import Requested

Visitor = User | AnonymousUser


class ReportQuerySet(models.QuerySet["Report"]):
    """Reports, and who may see them."""

    def visible_to(self, user: Visitor) -> "ReportQuerySet":
        """Return the reports a user asked for, or all if they may view anyone's."""
        return self if user.has_perm("shop.view_report") else self.filter(created_by=user.pk)


class Report(Requested):
    """The revenue report of one month, asked for by one person."""

    month = models.DateField(help_text="The first day of the month.")
    file = models.FileField(upload_to="reports", blank=True)
    revenue = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    orders = models.PositiveIntegerField(null=True, blank=True)
    customers = models.PositiveIntegerField(null=True, blank=True)

    objects = ReportQuerySet.as_manager()

    def __str__(self) -> str:
        return f"Revenue report {self.month:%B %Y}"

    def is_visible_to(self, user: Visitor) -> bool:
        """Tell whether a user may open this report."""
        return self.created_by_id == user.pk or user.has_perm("shop.view_report")


class DailyRevenue(models.Model):
    """One day's totals, rolled up in the night after it."""

    day = models.DateField(primary_key=True)
    orders = models.PositiveIntegerField()
    pieces = models.PositiveIntegerField()
    revenue = models.DecimalField(max_digits=12, decimal_places=2)
    rolled_up_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("-day",)
        verbose_name_plural = "daily revenue"
        constraints = (
            models.CheckConstraint(condition=Q(revenue__gte=NOTHING), name="shop_dailyrevenue_not_negative"),
        )

    def __str__(self) -> str:
        return f"{self.day}: {self.revenue}"

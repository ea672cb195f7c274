"""What the pages' examples are about: a shop's orders, its stock, its reports."""

from django.conf import settings
from django.db import models


class Order(models.Model):
    customer = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True)
    email = models.EmailField(default="ada@example.com")
    total = models.DecimalField(max_digits=10, decimal_places=2, default=0)
    paid = models.BooleanField(default=False)

    def __str__(self):
        return f"Order {self.pk}"


class Stock(models.Model):
    shop_id = models.IntegerField(default=1)
    pieces = models.IntegerField(default=0)

    def __str__(self):
        return f"{self.pieces} pieces"


class Report(models.Model):
    title = models.CharField(max_length=100, default="Sales")
    job_id = models.UUIDField(null=True)

    def __str__(self):
        return self.title

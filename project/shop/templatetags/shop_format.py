"""How templates show the shop's values."""

from collections.abc import Mapping
from typing import Any

from django import template

from shop import money
from shop.models import Order
from taskyard.models import Job

register = template.Library()
register.filter("money", money.show)


@register.filter
def at(values: Mapping[str, Any], key: str) -> Any:
    """Return what stands under a key, "?" where nothing does."""
    return values.get(key, "?")


@register.filter
def job_title(job: Job) -> str:
    """Return what a job does, in words: `shop.tasks.send_receipt` is "Send receipt"."""
    return job.task.rpartition(".")[2].replace("_", " ").capitalize()


@register.filter
def has_waiting_mail(order: Order) -> bool:
    """Tell whether a confirmation of an order is still to go out."""
    return any(wanted.finished_at is None for wanted in order.confirmations.all())

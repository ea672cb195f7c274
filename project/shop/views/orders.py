"""The list of orders."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from shop.access import staff_only
from shop.models import Order
from shop.pages import page_of


@require_safe
@staff_only
def orders(request: HttpRequest) -> HttpResponse:
    """List all orders, the latest first."""
    rows = Order.objects.select_related("customer").prefetch_related("lines__product")
    return render(request, "shop/orders.html", {"page": page_of(request, rows)})

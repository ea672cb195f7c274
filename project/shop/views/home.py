"""The first page."""

from typing import Any

from asgiref.sync import sync_to_async
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from shop.access import is_staff
from shop.models import Customer, ImportRun, Order, OrderLine, Product, Report
from shop.money import to_cents
from shop.revenue import LINE_TOTAL, revenue_by_month

from .rendering import arender

LATEST = 5
FIGURES = "shop:figures"
FIGURES_AGE = 5
"""Seconds that the figures may be old: they go through every order line, for each who looks."""


@require_safe
async def home(request: HttpRequest) -> HttpResponse:
    """Greet strangers; show staff how things stand."""
    user = await request.auser()
    if not is_staff(user):
        return await arender(request, "shop/welcome.html")
    # Asks for the user's permissions, and Django knows those only synchronously.
    reports = await sync_to_async(Report.objects.visible_to)(user)
    context = {
        **await figures(),
        "imports": [run async for run in ImportRun.objects.all()[:LATEST]],
        "reports": [report async for report in reports[:LATEST]],
    }
    return await arender(request, "shop/home.html", context)


async def figures() -> dict[str, Any]:
    """Return how things stand, from the cache if that is fresh."""
    known = await cache.aget(FIGURES)
    if known is None:
        known = await fresh_figures()
        await cache.aset(FIGURES, known, FIGURES_AGE)
    return known


# Awaited one by one: gather() would gain nothing, as one request has one connection to the database.
async def fresh_figures() -> dict[str, Any]:
    """Add up how things stand."""
    months = await sync_to_async(revenue_by_month)()
    totals = await OrderLine.objects.aaggregate(revenue=LINE_TOTAL)
    return {
        "counts": {
            "Orders": await Order.objects.acount(),
            "Order lines": await OrderLine.objects.acount(),
            "Customers": await Customer.objects.acount(),
            "Products": await Product.objects.acount(),
        },
        "revenue": to_cents(totals["revenue"]),
        "months": months,
        "best": max(months.values(), default=None),
    }

"""The first page."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from shop.access import is_staff
from shop.models import Customer, ImportRun, Order, OrderLine, Product, Report
from shop.money import NOTHING
from shop.revenue import revenue_by_month

LATEST = 5


def home(request: HttpRequest) -> HttpResponse:
    """Greet strangers; show staff how things stand."""
    if not is_staff(request.user):
        return render(request, "shop/welcome.html")
    months = revenue_by_month()
    context = {
        "counts": {
            "Orders": Order.objects.count(),
            "Order lines": OrderLine.objects.count(),
            "Customers": Customer.objects.count(),
            "Products": Product.objects.count(),
        },
        "revenue": sum(months.values(), NOTHING),
        "months": months,
        "best": max(months.values(), default=None),
        "imports": ImportRun.objects.all()[:LATEST],
        "reports": Report.objects.visible_to(request.user)[:LATEST],
    }
    return render(request, "shop/home.html", context)

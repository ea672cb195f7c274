"""The orders: all of them, as a page or a file, and each by itself."""

from decimal import Decimal

from asgiref.sync import sync_to_async
from django.db.models import aprefetch_related_objects
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import aget_object_or_404, redirect, render
from django.views import View
from django.views.decorators.http import require_POST, require_safe

from shop.access import staff_only
from shop.exporting import ORDER_COLUMNS, as_csv, order_rows
from shop.forms import NoteForm
from shop.models import ExchangeRate, Order, OrderNote
from shop.outside import Answer, ask_about
from shop.pages import page_of
from shop.requests import request_confirmation
from shop.signals import note_added
from shop.tasks import refresh_rates

from .rendering import arender


# A few queries one after the other, and a template: there is nothing that an async view could do meanwhile.
@require_safe
@staff_only
def orders(request: HttpRequest) -> HttpResponse:
    """List all orders, the latest first."""
    rows = Order.objects.select_related("customer").prefetch_related("lines__product")
    return render(request, "shop/orders.html", {"page": page_of(request, rows)})


@require_safe
@staff_only
async def export(_request: HttpRequest) -> StreamingHttpResponse:
    """Send all orders as a file, while they are read from the database."""
    found = Order.objects.select_related("customer").prefetch_related("lines__product")
    response = StreamingHttpResponse(as_csv(ORDER_COLUMNS, found, order_rows), content_type="text/csv")
    response["Content-Disposition"] = 'attachment; filename="orders.csv"'
    return response


class OrderPage(View):
    """One order: what we know of it, what other companies say, and what colleagues have written."""

    async def get(self, request: HttpRequest, number: str) -> HttpResponse:
        """Show it."""
        return await self.page(request, await find(number), NoteForm())

    async def post(self, request: HttpRequest, number: str) -> HttpResponse:
        """Take a note about it."""
        order, form = await find(number), NoteForm(request.POST)
        if not form.is_valid():
            return await self.page(request, order, form, status=422)
        # Each statement stands for itself. Were a note without its mail not to be borne, both would go into
        # one transaction, and so into one sync island, as in shop.requests.
        note = await order.notes.acreate(text=form.cleaned_data["text"], author=await request.auser())
        await note_added.asend(OrderNote, note=note)
        return redirect("order", number)

    async def page(
        self, request: HttpRequest, order: Order, form: NoteForm, status: int = 200
    ) -> HttpResponse:
        """Ask the other companies, and show what has come in time."""
        await aprefetch_related_objects([order], "lines__product", "notes__author", "confirmations")
        said = await ask_about(order.number, [line.product.sku for line in order.lines.all()])
        context = {
            "order": order,
            "form": form,
            "parcel": said["parcel"],
            "stock": said["stock"],
            "worth": worth(order.total, await known_rates(said["rates"])),
        }
        return await arender(request, "shop/order.html", context, status=status)


async def find(number: str) -> Order:
    """Return an order.

    Raises:
        Http404: where there is none of this number.
    """
    return await aget_object_or_404(Order.objects.select_related("customer"), number=number)


async def known_rates(answer: Answer) -> dict[str, Decimal]:
    """Return the bank's rates; where it did not tell them, those we stored, and have a job fetch new ones."""
    if not answer.fault:
        return {currency: Decimal(rate) for currency, rate in answer.value.items()}
    await refresh_rates.aenqueue()
    return {stored.currency: stored.rate async for stored in ExchangeRate.objects.all()}


def worth(total: Decimal, rates: dict[str, Decimal]) -> dict[str, str]:
    """Return what an order comes to in other currencies."""
    return {currency: f"{total * rate:,.2f}" for currency, rate in sorted(rates.items())}


@require_POST
@staff_only
async def confirm(request: HttpRequest, number: str) -> HttpResponse:
    """Have an order confirmed to its customer."""
    order = await find(number)
    # A transaction, hence a sync island: see shop.requests.
    await sync_to_async(request_confirmation)(order, await request.auser())
    return redirect("order", number)

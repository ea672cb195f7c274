"""The nightly roll-up: one day's orders added up into one row."""

from datetime import date

from .models import DailyRevenue, OrderLine
from .money import to_cents
from .revenue import TOTALS


def roll_up(day: date) -> DailyRevenue:
    """Write the day's totals.

    They are computed from the orders and replace what was there, so running it twice, or again
    after a late import, leaves one row with the right numbers.
    """
    totals = OrderLine.objects.filter(order__ordered_on=day).aggregate(**TOTALS)
    totals["revenue"] = to_cents(totals["revenue"])
    rolled_up, _created = DailyRevenue.objects.update_or_create(day=day, defaults=totals)
    return rolled_up

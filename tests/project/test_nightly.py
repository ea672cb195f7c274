"""The nightly roll-up."""

from datetime import date, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from shop import rollup
from shop.models import DailyRevenue, OrderLine
from shop.tasks import roll_up_day, roll_up_yesterday
from taskyard import get_result
from taskyard.testing import assert_enqueued

pytestmark = pytest.mark.django_db

DAY = date(2025, 12, 1)


def figures(day: date) -> tuple[int, int, Decimal]:
    return DailyRevenue.objects.values_list("orders", "pieces", "revenue").get(day=day)


def test_a_day_is_rolled_up_once_however_often_it_runs(december):
    for _attempt in range(2):
        rollup.roll_up(DAY)

    assert DailyRevenue.objects.count() == 1
    assert figures(DAY) == (1, 3, Decimal("144.30"))


def test_running_again_after_a_late_import_mends_the_row(december, import_text):
    rollup.roll_up(DAY)
    import_text("SO-100009,2025-12-01,Anna Vogt,anna@example.org,DE,BTH-302,Soap,1,14.50,EUR")

    rollup.roll_up(DAY)

    assert figures(DAY) == (2, 4, Decimal("158.80"))


def test_a_day_without_orders_has_a_row_of_noughts():
    rollup.roll_up(DAY)

    assert OrderLine.objects.count() == 0
    assert figures(DAY) == (0, 0, 0)


def nightly(*arguments: str) -> list:
    out = StringIO()
    call_command("nightly", *arguments, stdout=out)
    return get_result(out.getvalue().split()[-1].rstrip(".")).args


def test_nightly_enqueues_yesterday():
    assert nightly() == [str(timezone.localdate() - timedelta(days=1))]


def test_nightly_enqueues_the_day_asked_for():
    assert nightly("--date", "2025-12-01") == ["2025-12-01"]


def test_nightly_refuses_what_is_no_date():
    with pytest.raises(CommandError, match="write it like 2025-12-24"):
        call_command("nightly", "--date", "yesterday")


def test_each_night_yesterday_is_rolled_up():
    roll_up_yesterday.call()

    assert_enqueued(roll_up_day, args=[str(timezone.localdate() - timedelta(days=1))])

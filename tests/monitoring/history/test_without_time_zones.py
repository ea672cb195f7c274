"""USE_TZ = False: slots are naive, and all else is as ever."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import override_settings

from taskyard.states import Event
from taskyard_monitoring.history.charting import chart, rates
from taskyard_monitoring.history.pruning import prune
from taskyard_monitoring.history.recording import replace
from taskyard_monitoring.history.steps import TEN_MINUTES, TEN_SECONDS
from taskyard_monitoring.history.tally import Key, Tally
from taskyard_monitoring.models import RollUp
from taskyard_monitoring.snapshot import forget, snapshot
from tests.tasks.jobs import add_job

from .rows import add_row, ago

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def without_time_zones():
    if connection.vendor == "mysql":
        pytest.skip("Django leaves MySQL's session in the server's own time zone, which is not the site's")
    with override_settings(USE_TZ=False):
        forget()
        yield
    forget()


def test_what_is_counted_is_shown():
    tally, slot = Tally(), ago(seconds=60)
    tally.count(Key("default", "embedded", "mail", "a.b"), Event.FAIL, slot + timedelta(seconds=3), 1, 1)
    replace("ada.1", "ada", TEN_SECONDS, tally.changes(TEN_SECONDS))

    [series] = chart("executed", "queue", "15m").series
    shown = chart("executed", "queue", "15m")

    assert slot.tzinfo is None
    assert RollUp.objects.get().slot == slot
    assert series.values[shown.slots.index(slot)] == 0.1
    assert rates().five_minutes.failed == rates().hour.failed == 1
    assert chart("wait", "task", "24h").series


def test_pruning():
    add_row(ago(minutes=29))
    add_row(ago(minutes=31))
    add_row(ago(TEN_MINUTES, days=7), TEN_MINUTES)

    assert prune() == 1


def test_the_present():
    job = add_job(delivered_at=ago(seconds=90), enqueued_at=ago(seconds=90))

    found = snapshot().health

    assert 80 < found.oldest_waiting < 160
    assert job.delivered_at.tzinfo is None

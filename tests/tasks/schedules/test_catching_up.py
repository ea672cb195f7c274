"""Slots that passed while no dispatcher was there."""

from datetime import timedelta
from itertools import pairwise

import pytest

from taskyard.models import Job, Missed
from taskyard.schedules.firing import fire_due, seconds_until_next
from taskyard.schedules.missed import MOST_AT_ONCE
from tests.tasks.schedules.rows import (
    DAY,
    HOUR,
    add_schedule,
    fresh,
    now,
    set_pending,
    slots_of,
)

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("columns", "jobs"),
    [
        ({"missed": Missed.SKIP}, 0),
        ({"missed": Missed.RUN_ONCE}, 1),
        ({"missed": Missed.CATCH_UP}, 7),
        ({"missed": Missed.CATCH_UP, "catch_up_window": 3 * DAY}, 3),
    ],
)
def test_a_week_without_dispatcher(columns, jobs):
    late = 2 * HOUR
    daily = (now() - late).strftime("%M %H * * *")
    schedule = add_schedule(cron=daily, **columns)
    set_pending(schedule, now() - 6 * DAY - late + 5 * MINUTE)

    fire_due()

    assert len(slots_of(schedule)) == jobs
    assert now() < fresh(schedule).next_slot < now() + DAY


def test_a_long_catching_up_is_done_in_parts():
    schedule = add_schedule(interval=MINUTE, late=4 * HOUR, missed=Missed.CATCH_UP)

    fire_due()
    assert Job.objects.count() == MOST_AT_ONCE
    assert seconds_until_next() < 0
    while fire_due():
        pass

    slots = slots_of(schedule)
    assert slots[0] == schedule.next_slot
    assert {later - slot for slot, later in pairwise(slots)} == {MINUTE}
    assert slots[-1] + MINUTE == fresh(schedule).next_slot

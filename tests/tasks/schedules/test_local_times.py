"""Slots of a site without time zones."""

import pytest
from django.db import connection
from django.test import override_settings

from taskyard.schedules.firing import fire_due
from taskyard.schedules.times import moment_of, rule_for, stored
from tests.tasks.schedules.rows import (
    add_schedule,
    fresh,
    now,
    set_pending,
    slots_of,
)

pytestmark = pytest.mark.django_db


def test_without_time_zones_slots_are_local_times():
    if connection.vendor == "mysql":
        pytest.skip("Django leaves MySQL's session in the server's own time zone, which is not the site's")
    with override_settings(USE_TZ=False):
        schedule = add_schedule(cron="0 * * * *", timezone="Europe/Berlin")
        set_pending(schedule, now())

        fire_due()

        [slot] = slots_of(schedule)
        assert slot.tzinfo is None
        assert slot.minute == 0
        assert fresh(schedule).next_slot == stored(next(rule_for(schedule).after(now())))


def test_without_time_zones_the_repeated_hour_has_its_slots_once():
    with override_settings(USE_TZ=False):
        rule = rule_for(add_schedule(cron="30 * * * *", timezone="Europe/Berlin"))
        start = moment_of(stored(moment_of(now()).replace(2026, 10, 24, 22, 0, 0, 0)))
        found = []
        for slot in rule.after(start):
            found.append(f"{stored(slot):%d. %H:%M}")
            if len(found) == 5:
                break

    assert found == ["25. 00:30", "25. 01:30", "25. 02:30", "25. 03:30", "25. 04:30"]

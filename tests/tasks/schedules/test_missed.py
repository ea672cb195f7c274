"""Which slots become jobs, by the schedule's rule for those that were missed."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskyard.models import Missed
from taskyard.schedules.calendar import between, rule_of
from taskyard.schedules.missed import GRACE, MOST_AT_ONCE, turn

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
WEEK = timedelta(weeks=1)

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

HOURLY = rule_of("0 * * * *", None, "UTC")


def hours(*numbers):
    return [NOON.replace(hour=number) for number in numbers]


@pytest.mark.parametrize("missed", Missed)
def test_a_slot_that_is_on_time_becomes_a_job(missed):
    planned = turn(HOURLY, missed, None, pending=NOON, now=NOON + timedelta(seconds=2))

    assert planned.slots == [NOON]
    assert planned.next_slot == NOON + HOUR


@pytest.mark.parametrize("missed", Missed)
def test_a_slot_is_not_missed_before_its_grace_is_over(missed):
    assert turn(HOURLY, missed, None, pending=NOON, now=NOON + GRACE).slots == [NOON]


@pytest.mark.parametrize("missed", Missed)
def test_nothing_comes_before_its_time(missed):
    planned = turn(HOURLY, missed, None, pending=NOON, now=NOON - MINUTE)

    assert planned.slots == []
    assert planned.next_slot == NOON


@pytest.mark.parametrize(
    ("missed", "window", "expected"),
    [
        (Missed.SKIP, None, []),
        (Missed.RUN_ONCE, None, hours(12)),
        (Missed.RUN_ONCE, 10 * MINUTE, []),
        (Missed.RUN_ONCE, 2 * HOUR, hours(12)),
        (Missed.CATCH_UP, None, hours(9, 10, 11, 12)),
        (Missed.CATCH_UP, 2 * HOUR, hours(11, 12)),
    ],
)
def test_what_becomes_of_missed_slots(missed, window, expected):
    planned = turn(HOURLY, missed, window, pending=NOON - 3 * HOUR, now=NOON + 30 * MINUTE)

    assert planned.slots == expected
    assert planned.next_slot == NOON + HOUR


@pytest.mark.parametrize(
    ("missed", "expected"),
    [
        (Missed.SKIP, hours(12)),
        (Missed.RUN_ONCE, hours(12)),  # stands for the missed ones as well
        (Missed.CATCH_UP, hours(9, 10, 11, 12)),
    ],
)
def test_missed_slots_before_one_that_is_on_time(missed, expected):
    planned = turn(HOURLY, missed, None, pending=NOON - 3 * HOUR, now=NOON + timedelta(seconds=1))

    assert planned.slots == expected


def test_a_small_window_does_not_take_what_is_on_time():
    planned = turn(HOURLY, Missed.CATCH_UP, timedelta(0), pending=NOON - 3 * HOUR, now=NOON + GRACE)

    assert planned.slots == hours(12)


def test_a_week_without_dispatcher_is_skipped_at_once():
    """However dense the slots: they are not gone through one by one."""
    each_second = rule_of("", timedelta(seconds=1), "")

    planned = turn(each_second, Missed.RUN_ONCE, None, pending=NOON - 52 * WEEK, now=NOON)

    assert planned.slots == list(between(each_second, NOON - GRACE, NOON))
    assert planned.next_slot == NOON + timedelta(seconds=1)


@given(
    st.sampled_from(["*/5 * * * *", "17 3 * * *", "0 0 31 * *", "30 2 * * SUN"]),
    st.lists(st.floats(0, 40 * 24 * 60), min_size=1, max_size=12),
)
@settings(deadline=None)
def test_catching_up_has_each_slot_once_however_often_and_late_one_looks(cron, minutes):
    rule = rule_of(cron, None, "Europe/Berlin")
    pending, looks = next(rule.after(NOON)), sorted(NOON + each * MINUTE for each in minutes)

    found = []
    for now in looks:
        while True:
            planned = turn(rule, Missed.CATCH_UP, None, pending=pending, now=now)
            assert len(planned.slots) <= MOST_AT_ONCE
            found += planned.slots
            pending = planned.next_slot
            if pending > now:
                break

    assert found == list(between(rule, NOON + timedelta(microseconds=1), looks[-1]))

"""When slots are: through changes of the clocks, leap days and short months, wherever one starts to look."""

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from taskyard.schedules.calendar import between, latest, rule_of
from tests.tasks.schedules.wall import Expression, expressions, slots_by_walking, stretches

MICROSECOND = timedelta(microseconds=1)


def moment(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def slots(cron, zone, after, count):
    rule = rule_of(cron, None, zone)
    return [f"{slot:%Y-%m-%d %H:%M}" for slot in islice(rule.after(moment(after)), count)]


def after_to(rule, first, last):
    return list(between(rule, first + MICROSECOND, last))


@given(expressions(), stretches())
@example(
    Expression(
        ("*/10", "2", "*", "*", "*"),
        (frozenset(range(0, 60, 10)), frozenset({2}), *[frozenset(range(32))] * 3),
    ),
    # Half an hour is repeated; libraries that leap from hour to hour lose slots here.
    ("Australia/Lord_Howe", moment("2026-04-04 06:00"), moment("2026-04-07 06:00")),
)
@settings(max_examples=300, deadline=None)
def test_slots_are_those_that_one_finds_walking_minute_by_minute(expression, stretch):
    zone, first, last = stretch

    found = after_to(rule_of(str(expression), None, zone), first, last)

    assert found == slots_by_walking(expression, zone, first, last)


rules = st.one_of(
    st.builds(
        lambda expression, stretch: (rule_of(str(expression), None, stretch[0]), *stretch[1:]),
        expressions(),
        stretches(),
    ),
    st.builds(
        lambda seconds, stretch: (rule_of("", timedelta(seconds=seconds), "UTC"), *stretch[1:]),
        st.floats(60, 500_000),
        stretches(),
    ),
)


@given(rules, st.floats(0, 1))
@settings(max_examples=300, deadline=None)
def test_slots_increase_and_none_is_lost_or_doubled_wherever_one_cuts(rule_and_stretch, share):
    rule, first, last = rule_and_stretch
    whole = after_to(rule, first, last)
    cut = first + share * (last - first)

    assert all(one < other for one, other in pairwise(whole))
    assert after_to(rule, first, cut) + after_to(rule, cut, last) == whole
    for slot in whole[:5]:
        assert next(rule.after(slot - MICROSECOND)) == slot
        assert next(rule.after(slot)) > slot


@given(rules)
@settings(max_examples=200, deadline=None)
def test_the_latest_slot_is_the_last_of_all(rule_and_stretch):
    rule, first, last = rule_and_stretch

    assert latest(rule, first, last) == (list(between(rule, first, last)) or [None])[-1]


# --- by name: what a change of the clocks does ---


def test_a_skipped_time_of_day_comes_when_the_change_is_over():
    """Berlin, 29 March 2026: at 02:00 it is 03:00."""
    assert slots("30 2 * * *", "Europe/Berlin", "2026-03-28 12:00", 2) == [
        "2026-03-29 01:00",  # 03:00
        "2026-03-30 00:30",
    ]


def test_several_skipped_times_of_day_come_as_one():
    assert slots("0,20,40 2,3 * * *", "Europe/Berlin", "2026-03-29 00:00", 3) == [
        "2026-03-29 01:00",  # 03:00, which is also a slot of its own
        "2026-03-29 01:20",
        "2026-03-29 01:40",
    ]


def test_a_repeated_time_of_day_comes_once():
    """Berlin, 25 October 2026: at 03:00 it is 02:00 again."""
    assert slots("30 2 * * *", "Europe/Berlin", "2026-10-24 12:00", 2) == [
        "2026-10-25 00:30",
        "2026-10-26 01:30",
    ]


@pytest.mark.parametrize("after", ["2026-10-25 00:30", "2026-10-25 01:10", "2026-10-25 01:45"])
def test_a_repeated_time_of_day_does_not_come_again_for_who_looks_late(after):
    assert slots("30 2 * * *", "Europe/Berlin", after, 1) == ["2026-10-26 01:30"]


def test_every_hour_and_quarter_of_an_hour_go_on_through_both_changes():
    quarter, hour = timedelta(minutes=15), timedelta(hours=1)
    for day in ("2026-03-28 20:00", "2026-10-24 20:00"):
        for cron, distance in (("*/15 * * * *", quarter), ("0 * * * *", hour)):
            found = list(islice(rule_of(cron, None, "Europe/Berlin").after(moment(day)), 60))
            assert {later - one for one, later in pairwise(found)} == {distance}


def test_a_skipped_midnight_comes_when_the_change_is_over():
    """Santiago, 6 September 2026: at 00:00 it is 01:00."""
    assert slots("0 0 * * *", "America/Santiago", "2026-09-05 12:00", 2) == [
        "2026-09-06 04:00",
        "2026-09-07 03:00",
    ]


def test_a_day_that_never_was_has_its_slot_at_its_end():
    """Samoa went from 29 to 31 December 2011."""
    assert slots("0 12 * * *", "Pacific/Apia", "2011-12-29 12:00", 3) == [
        "2011-12-29 22:00",  # noon of the 29th
        "2011-12-30 10:00",  # the first moment of the 31st, for the 30th
        "2011-12-30 22:00",
    ]


def test_leap_days_are_waited_for():
    assert slots("0 6 29 2 *", "UTC", "2026-01-01 00:00", 2) == ["2028-02-29 06:00", "2032-02-29 06:00"]


def test_months_without_a_31st_are_passed_over():
    assert slots("0 6 31 * *", "UTC", "2026-01-31 06:00", 3) == [
        "2026-03-31 06:00",
        "2026-05-31 06:00",
        "2026-07-31 06:00",
    ]


def test_weekly_intervals_begin_on_a_monday_and_daily_ones_at_midnight():
    weekly, daily = rule_of("", timedelta(weeks=1), ""), rule_of("", timedelta(days=1), "")

    assert next(weekly.after(moment("2026-11-21 15:30"))) == moment("2026-11-23 00:00")
    assert next(daily.after(moment("2026-11-21 15:30"))) == moment("2026-11-22 00:00")


# --- what is refused ---


@pytest.mark.parametrize(
    ("cron", "interval", "zone", "fault"),
    [
        ("", None, "UTC", "a cron expression or an interval"),
        ("* * * * *", timedelta(hours=1), "UTC", "a cron expression or an interval"),
        ("", timedelta(milliseconds=999), "UTC", "not within 1 second and 3660 days"),
        ("", timedelta(days=-1), "UTC", "not within"),
        ("", timedelta(days=4000), "UTC", "not within"),
        ("* * * * *", None, "Europe/Berlln", "no time zone 'Europe/Berlln'"),
        ("* * * * *", None, "Europe", "no time zone 'Europe'"),
        ("* * * * *", None, "../UTC", "no time zone"),
        ("* * * * *", None, "", "no time zone"),
        (f"{'0,' * 60}0 * * * *", None, "UTC", "longer than 100 characters"),
    ],
)
def test_what_makes_no_rule_is_refused_with_the_reason(cron, interval, zone, fault):
    with pytest.raises(ValueError, match=fault):
        rule_of(cron, interval, zone)

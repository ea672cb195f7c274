"""What a cron expression may be, and what is said of one that is wrong."""

import re
from datetime import datetime
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskyard.schedules.cron import ALIASES, Cron


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ("0 25 * * *", "'25' is no hour (characters 3 to 4). It may be 0 to 23."),
        ("60 * * * *", "'60' is no minute (characters 1 to 2)"),
        ("0 0 32 * *", "'32' is no day of the month (characters 5 to 6)"),
        ("0 0 * 13 *", "'13' is no month (characters 7 to 8)"),
        ("0 0 * * 8", "'8' is no day of the week (character 9)"),
        ("  0\t0  *  FOO  *", "'FOO' is no month (characters 11 to 13)"),
        ("1,2,x7 * * * *", "'x7' is no minute (characters 5 to 6)"),
        ("1,,2 * * * *", "'' is no minute (character 3)"),
        ("*/0 * * * *", "'*/0' is no minute (characters 1 to 3)"),
        ("5-1 * * * *", "'5-1' is no minute (characters 1 to 3)"),
        ("0 0 * * MON#6", "'MON#6' is no day of the week (characters 9 to 13)"),
        ("0 0 30 2 *", "never comes: those months have no day '30' (characters 5 to 6)"),
        ("0 0 31 4,6,9,11 *", "never comes: those months have no day '31'"),
        ("0 0 1", "has 3 fields and needs 5: minute, hour, day of the month, month, day of the week."),
        ("0 0 0 1 1 *", "has 6 fields and needs 5"),
        ("", "has 0 fields"),
        ("@dayly", "is none of @yearly,"),
    ],
)
def test_a_bad_expression_is_refused_with_the_place_of_its_fault(expression, fault):
    with pytest.raises(ValueError, match=re.escape(fault)) as raised:
        Cron.parse(expression)

    assert repr(expression) in str(raised.value)


@given(st.text(alphabet="0123456789*/-,#L W?@MONJAN²\t\x00", max_size=30))
def test_any_text_is_an_expression_or_refused_with_a_reason(text):
    try:
        cron = Cron.parse(text)
    except ValueError as fault:
        cron, reason = None, str(fault)

    if cron is None:
        assert repr(text) in reason
    else:
        assert next(cron.wall_times(datetime(2026, 1, 1)), None) is not None


@pytest.mark.parametrize("alias", ALIASES)
def test_aliases_stand_for_expressions(alias):
    assert Cron.parse(alias) == Cron.parse(alias.upper())
    assert Cron.parse(Cron.parse(alias).fields) == Cron.parse(alias)


@pytest.mark.parametrize(
    ("expression", "times"),
    [
        ("0 9 * * MON-FRI", ["2026-01-02 09:00", "2026-01-05 09:00"]),
        ("0 0 L * *", ["2026-01-31 00:00", "2026-02-28 00:00"]),
        ("0 0 LW * *", ["2026-01-30 00:00", "2026-02-27 00:00"]),
        ("0 0 * JUN SUN#2", ["2026-06-14 00:00", "2027-06-13 00:00"]),
        ("0 0 * * 5L", ["2026-01-30 00:00", "2026-02-27 00:00"]),
        ("0 0 13 * FRI", ["2026-01-02 00:00", "2026-01-09 00:00"]),  # either of them, as in every cron
        ("0 12 29 2 *", ["2028-02-29 12:00", "2032-02-29 12:00"]),
        ("0 12 31 * *", ["2026-01-31 12:00", "2026-03-31 12:00"]),
    ],
)
def test_what_expressions_mean(expression, times):
    found = Cron.parse(expression).wall_times(datetime(2026, 1, 1, 12))

    assert [f"{time:%Y-%m-%d %H:%M}" for time in islice(found, 2)] == times

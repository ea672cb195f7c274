"""The drawing of a chart: round axes, gaps, and the same in figures."""

from datetime import UTC, datetime, timedelta

import pytest

from taskyard_monitoring.console.charts_svg import HEIGHT, drawn
from taskyard_monitoring.console.figures import shown_rate, shown_ratio, shown_seconds
from taskyard_monitoring.history.charting import Chart, Series

BEGIN = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


def chart_of(*values):
    slots = [BEGIN + timedelta(minutes=number) for number in range(max(map(len, values), default=0))]
    return Chart(slots, 60, [Series(f"s{number}", list(each)) for number, each in enumerate(values)])


@pytest.mark.parametrize(
    ("top", "measure", "levels"),
    [
        (0, "executed", ["0/s", "1/s"]),
        (0.3, "executed", ["0/s", "0.1/s", "0.2/s", "0.3/s"]),
        (7, "executed", ["0/s", "2/s", "4/s", "6/s", "8/s"]),
        (1234, "executed", ["0/s", "500/s", "1,000/s", "1,500/s"]),
        (0.09, "run", ["0 s", "25 ms", "50 ms", "75 ms", "100 ms"]),
        (200, "wait", ["0 s", "1 min", "2 min", "3 min", "4 min"]),
        (20_000, "wait", ["0 s", "2 h", "4 h", "6 h"]),
    ],
)
def test_levels_are_round_and_reach_above_all_values(top, measure, levels):
    drawing = drawn(chart_of([0, top]), measure, "1h")

    assert [level.text for level in drawing.levels] == levels
    assert all(0 <= level.place <= HEIGHT for level in drawing.levels)


def test_where_there_is_no_value_there_is_a_gap():
    [line] = drawn(chart_of([1, 1, None, 1, None, 1, 1]), "executed", "1h").lines

    assert line.path.count("M") == 3
    assert "None" not in line.path


def test_a_value_that_stands_alone_is_a_dot():
    [line] = drawn(chart_of([None, 1, None]), "executed", "1h").lines

    assert line.path == "M500.0 8.0h0"


def test_a_chart_without_values_is_empty():
    assert drawn(chart_of([None, None]), "executed", "1h").is_empty
    assert drawn(chart_of(), "executed", "1h").is_empty
    assert not drawn(chart_of([0, 0]), "executed", "1h").is_empty


def test_the_figures_are_the_latest_first():
    rows = drawn(chart_of([1, 2], [None, 0.5]), "executed", "1h").rows

    assert rows == [(BEGIN + timedelta(minutes=1), ["2/s", "0.5/s"]), (BEGIN, ["1/s", shown_rate(None)])]


def test_round_times_stand_under_it():
    marks = drawn(chart_of([1] * 60), "executed", "1h").clock

    assert [mark.moment.minute for mark in marks] == [10, 20, 30, 40, 50]


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0 s"), (0.0123, "12.3 ms"), (1.5, "1.5 s"), (90, "1.5 min"), (7200, "2 h")]
)
def test_lengths_are_shown_in_one_unit(seconds, shown):
    assert shown_seconds(seconds) == shown


def test_ratios_are_shown_in_percent():
    assert (shown_ratio(0.125), shown_ratio(None)) == ("12.5%", shown_seconds(None))

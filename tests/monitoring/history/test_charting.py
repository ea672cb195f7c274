"""Charts show what the rows hold, in slots of which enough is known."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from taskyard.database import database_time
from taskyard_monitoring.history import charting, reading
from taskyard_monitoring.history.charting import chart, rates
from taskyard_monitoring.history.steps import MINUTE, TEN_MINUTES, TEN_SECONDS, slots_between

from .rows import add_row, ago

pytestmark = pytest.mark.django_db


def value_at(shown, name, slot):
    """Return what a chart says of a name in a slot."""
    [series] = [each for each in shown.series if each.name == name]
    return series.values[shown.slots.index(slot)]


def test_executed_per_second_by_queue(db):
    slot = ago(seconds=60)
    add_row(slot, succeeded=20, failed=5, retried=5)
    add_row(slot, process="bob.1", worker="bob", succeeded=10)
    add_row(slot, queue="mail", cancelled=10)

    shown = chart("executed", "queue", "15m")

    assert shown.step == 10
    assert value_at(shown, "default", slot) == 4.0
    assert value_at(shown, "mail", slot) == 1.0
    assert value_at(shown, "mail", ago(seconds=120)) == 0.0
    assert [each.name for each in shown.series] == ["default", "mail"]


@pytest.mark.parametrize(
    ("group_by", "names"),
    [
        ("task", {"a.b", "tests.example.tasks.nothing"}),
        ("engine", {"embedded", "celery"}),
        ("worker", {"ada", "bob"}),
        ("outcome", {"succeeded", "retried"}),
    ],
)
def test_each_group(db, group_by, names):
    add_row(ago(seconds=60), succeeded=20)
    add_row(ago(seconds=60), process="bob.1", worker="bob", engine="celery", task="a.b", retried=3)

    assert {each.name for each in chart("executed", group_by, "15m").series} == names


@pytest.mark.parametrize(("span", "step"), [("15m", TEN_SECONDS), ("1h", MINUTE), ("24h", TEN_MINUTES)])
def test_each_span_has_its_own_rows(db, span, step):
    slot = ago(step, seconds=step.seconds * 3)
    add_row(slot, step, succeeded=step.seconds)

    shown = chart("executed", "queue", span)

    assert shown.step == step.seconds
    assert value_at(shown, "default", slot) == 1.0
    assert all(
        later - earlier == timedelta(seconds=step.seconds)
        for earlier, later in zip(shown.slots, shown.slots[1:], strict=False)
    )


def test_percentiles_are_merged_over_processes_and_right_within_a_tenth(db):
    slot = ago(seconds=60)
    add_row(slot, run=[1.0] * 90, wait=[0.01])
    add_row(slot, process="bob.1", run=[30.0] * 10)

    for percentile, seconds in ((50, 1.0), (90, 1.0), (91, 30.0), (99, 30.0)):
        assert value_at(chart("run", "queue", "15m", percentile), "default", slot) == pytest.approx(
            seconds, rel=0.1
        )
    assert value_at(chart("wait", "queue", "15m"), "default", slot) == pytest.approx(0.01, rel=0.1)
    assert value_at(chart("run", "outcome", "15m", 50), "all", slot) == pytest.approx(1.0, rel=0.1)
    assert value_at(chart("run", "queue", "15m"), "default", ago(seconds=120)) is None


def test_what_is_not_among_the_largest_is_one_series(db):
    slot = ago(seconds=60)
    for number in range(1, 12):
        add_row(slot, task=f"task{number:02}", succeeded=number * 10, run=[float(number)] * number)

    by_count = chart("executed", "task", "15m")
    assert [each.name for each in by_count.series] == [
        *(f"task{number:02}" for number in range(11, 4, -1)),
        "others",
    ]
    assert value_at(by_count, "others", slot) == 1 + 2 + 3 + 4
    by_time = chart("run", "task", "15m", 100)
    assert [each.name for each in by_time.series][-1] == "others"
    assert value_at(by_time, "others", slot) == pytest.approx(4.0, rel=0.1)


def test_the_newest_slot_is_no_drop(db):
    """Every slot until now is full; whatever second it is, none shown may look like less."""
    now = database_time(connection)
    slot = TEN_SECONDS.slot_of(now - timedelta(minutes=20))
    while slot <= now:
        filled = min(10.0, (now - slot).total_seconds())
        add_row(slot, succeeded=round(filled * 100))
        slot += timedelta(seconds=10)

    [series] = chart("executed", "queue", "15m").series

    assert min(series.values) >= 100
    assert now - chart("executed", "queue", "15m").slots[-1] < timedelta(seconds=32)


@pytest.mark.parametrize(("span", "step"), [("1h", MINUTE), ("24h", TEN_MINUTES)])
def test_the_end_of_a_long_chart_is_made_of_short_slots(now, span, step):
    """What has not been written for good shows as it is: at its rate, neither late nor twice."""
    for slot in slots_between(TEN_SECONDS, ago(minutes=25), ago()):
        add_row(slot, succeeded=70, run=[2.0] * 7)
    unsettled = {step.slot_of(now), step.slot_of(now - step.settled)}
    for slot in slots_between(step, ago(step, minutes=25), ago(step)):
        if slot in unsettled:
            add_row(slot, step, succeeded=1, run=[50.0])
        else:
            add_row(slot, step, succeeded=7 * step.seconds, run=[2.0])

    shown = chart("executed", "queue", span)
    [series] = shown.series
    [times] = chart("run", "queue", span).series

    assert series.values[-2:] == [pytest.approx(7)] * 2
    assert times.values[-2:] == [pytest.approx(2, rel=0.1)] * 2
    assert now - shown.slots[-1] < timedelta(seconds=step.seconds + 60)


def test_what_is_over_is_read_once(now, monkeypatch):
    monkeypatch.setattr(charting, "FRESH", 0)
    for seconds in range(60, 900, 10):
        add_row(ago(seconds=seconds), succeeded=1, run=[1])
    for measure in ("executed", "run"):
        before = chart(measure, "queue", "15m")
        with CaptureQueriesContext(connection) as queries:
            after = chart(measure, "queue", "15m")

        [reading_again] = [each["sql"] for each in queries if "rollup" in each["sql"]]
        asked_for = re.findall(r"\d\d:\d\d:\d\d", reading_again)
        assert 1 <= len(asked_for) < 8, reading_again
        assert after.series[0].values[:80] == before.series[0].values[:80]


def test_who_writes_late_is_seen(db, monkeypatch):
    monkeypatch.setattr(charting, "FRESH", 0)
    slot = ago(seconds=25)
    add_row(slot, succeeded=10)
    assert value_at(chart("executed", "queue", "15m"), "default", slot) == 1.0

    add_row(slot, process="bob.1", succeeded=10)

    assert value_at(chart("executed", "queue", "15m"), "default", slot) == 2.0


def test_a_large_fleets_chart_fills_step_by_step(now, monkeypatch):
    """No reading goes through more rows than it may; what is not known yet is no zero."""
    monkeypatch.setattr(charting, "FRESH", 0)
    monkeypatch.setattr(reading, "MOST_ROWS", 25)
    slots = [ago(seconds=seconds) for seconds in range(100, 200, 10)]
    for slot in slots:
        for number in range(10):
            add_row(slot, process=f"ada.{number}", run=[1.0])

    seen = []
    for _ in range(8):
        [series] = chart("run", "queue", "15m").series
        seen.append(sum(value is not None for value in series.values))

    assert seen[0] == 2
    assert sorted(seen) == seen
    assert seen[-1] == 10


def test_a_slot_with_too_many_rows_stops_nobody(db, monkeypatch):
    monkeypatch.setattr(reading, "MOST_ROWS", 5)
    for number in range(10):
        add_row(ago(seconds=30), process=f"ada.{number}", run=[1.0])

    [series] = chart("run", "queue", "15m").series

    assert pytest.approx(next(filter(None, series.values)), rel=0.1) == 1.0


def test_an_empty_table(db):
    for measure in ("executed", "run", "wait"):
        shown = chart(measure, "task", "24h")
        assert shown.series == []
        assert len(shown.slots) >= 143


@pytest.mark.parametrize(
    "question",
    [
        ("speed", "queue", "15m"),
        ("run", "colour", "15m"),
        ("run", "queue", "2h"),
        ("run", "queue", "1h", 101),
        ("run", "queue", "1h", 0),
    ],
)
def test_what_there_is_not(db, question):
    with pytest.raises(ValueError, match=r"\w"):
        chart(*question)


def test_rates(db):
    for seconds in (60, 120):
        add_row(ago(seconds=seconds), succeeded=45, failed=5, retried=100)
        add_row(ago(MINUTE, seconds=seconds), MINUTE, succeeded=1000)  # the same, told twice
    add_row(ago(seconds=60), queue="mail", cancelled=10)
    add_row(ago(MINUTE, minutes=30), MINUTE, succeeded=100, failed=90)

    found = rates()

    assert (found.five_minutes.finished, found.five_minutes.failed) == (110, 10)
    assert found.five_minutes.failure_ratio == 0.1
    assert (found.hour.finished, found.hour.failed) == (300, 100)
    assert found.hour.failure_ratio == pytest.approx(100 / 290)
    assert 3300 <= found.hour.seconds <= 3720
    assert found.queues["default", "mail"].failure_ratio is None
    assert found.queues["default", "default"].per_minute == pytest.approx(20, rel=0.2)


def test_no_rates(db):
    assert rates().five_minutes.per_minute == 0
    assert rates().hour.failure_ratio is None
    assert rates().queues == {}

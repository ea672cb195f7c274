"""`@schedule`: what the code may declare, and what is refused at import."""

from datetime import timedelta
from typing import get_args

import pytest

from taskyard import schedule
from taskyard.models import Missed, Overlap
from taskyard.schedules.declaring import MissedRule, OverlapRule, declared
from tests.example.tasks import add, leave, nothing, succeed_at

HOURLY = "0 * * * *"


def test_the_task_stays_the_task():
    assert schedule(HOURLY)(nothing) is nothing


def test_what_a_declaration_says():
    schedule(
        "0 2 * * *",
        name="nightly",
        timezone="Europe/Berlin",
        args=[1],
        kwargs={"b": 2},
        missed="catch_up",
        catch_up_window=timedelta(days=1),
        overlap="skip",
        jitter=timedelta(minutes=5),
    )(add)

    [said] = declared().values()
    assert (said.name, said.task) == ("nightly", add.module_path)
    assert (said.args, said.kwargs) == ([1], {"b": 2})
    assert (said.cron, said.interval, said.timezone) == ("0 2 * * *", None, "Europe/Berlin")
    assert (said.missed, said.catch_up_window) == ("catch_up", timedelta(days=1))
    assert (said.overlap, said.jitter) == ("skip", timedelta(minutes=5))


def test_what_is_not_said(settings):
    schedule(timedelta(hours=1))(nothing)

    [said] = declared().values()
    assert said.name == nothing.module_path
    assert (said.cron, said.interval, said.timezone) == ("", timedelta(hours=1), settings.TIME_ZONE)
    assert (said.args, said.kwargs) == ([], {})
    assert (said.missed, said.catch_up_window, said.overlap, said.jitter) == ("run_once", None, "allow", None)


def test_several_on_one_task_are_numbered_from_the_task_up():
    schedule("0 3 * * *", args=["c"])(
        schedule("0 2 * * *", args=["b"], name="named")(schedule("0 1 * * *", args=["a"])(leave))
    )

    assert {name: said.args for name, said in declared().items()} == {
        leave.module_path: ["a"],
        "named": ["b"],
        f"{leave.module_path}#3": ["c"],
    }


def test_a_module_that_is_loaded_anew_declares_its_schedules_anew():
    schedule(HOURLY)(nothing)
    again = object.__new__(type(nothing))
    for name in nothing.__dataclass_fields__:
        object.__setattr__(again, name, getattr(nothing, name))

    schedule("30 * * * *")(again)

    [said] = declared().values()
    assert said.cron == "30 * * * *"


def test_the_tasks_context_is_not_an_argument_of_the_schedule():
    schedule(HOURLY, args=[1])(succeed_at)

    assert list(declared()) == [succeed_at.module_path]


@pytest.mark.parametrize(
    ("when", "options", "error", "fault"),
    [
        ("0 25 * * *", {}, ValueError, "'25' is no hour"),
        (timedelta(0), {}, ValueError, "not within 1 second"),
        (60, {}, TypeError, "a cron expression or a timedelta"),
        (HOURLY, {"timezone": "Mars"}, ValueError, "no time zone 'Mars'"),
        (HOURLY, {"missed": "twice"}, ValueError, "give one of 'skip', 'run_once', 'catch_up'"),
        (HOURLY, {"overlap": "never"}, ValueError, "give one of 'allow', 'skip'"),
        (HOURLY, {"jitter": 5}, ValueError, "jitter=5"),
        (HOURLY, {"jitter": timedelta(seconds=-1)}, ValueError, "a timedelta of 0 or more"),
        (HOURLY, {"catch_up_window": "1 day"}, ValueError, "catch_up_window='1 day'"),
        (HOURLY, {"args": "x"}, TypeError, "give a list or tuple"),
        (HOURLY, {"args": [1, 2]}, TypeError, "do not fit tests.example.tasks.leave: too many positional"),
        (HOURLY, {"args": []}, TypeError, "missing a required argument: 'line'"),
        (HOURLY, {"args": [object()]}, TypeError, "Unsupported type"),
        (HOURLY, {"args": [float("nan")]}, ValueError, "no NaN or infinity"),
        (HOURLY, {"name": "x" * 201}, ValueError, "longer than 200 characters"),
    ],
)
def test_what_makes_no_sense_is_refused_at_import(when, options, error, fault):
    with pytest.raises(error, match=fault):
        schedule(when, **{"args": ["x"], **options})(leave)

    assert declared() == {}


def test_it_stands_above_task():
    with pytest.raises(TypeError, match="Put @schedule above @task"):
        schedule(HOURLY)(nothing.func)


@pytest.mark.parametrize("other", [nothing, leave], ids=["same task", "another task"])
def test_two_schedules_of_one_name_are_refused(other):
    schedule(HOURLY, name="one")(nothing)

    with pytest.raises(ValueError, match="Two schedules are called 'one'"):
        schedule(HOURLY, name="one", args=["x"] if other is leave else [])(other)


def test_the_code_may_say_what_the_table_may_hold():
    assert list(get_args(MissedRule)) == Missed.values
    assert list(get_args(OverlapRule)) == Overlap.values

"""Schedules that cannot fire: they say why, rest, and keep their slots."""

import logging

import pytest

from taskyard.compat import BaseTaskBackend
from taskyard.models import Schedule
from taskyard.schedules import firing
from taskyard.schedules.firing import fire_due, seconds_until_next
from tests.example.tasks import sign_in
from tests.tasks.schedules.rows import (
    HOUR,
    add_schedule,
    fresh,
    now,
    slots_of,
)

pytestmark = pytest.mark.django_db


FAULTY = {
    "unknown task": ({"task": "tests.example.tasks.gone"}, "cannot be imported"),
    "unknown module": ({"task": "tests.gone.task"}, "No module named 'tests.gone'"),
    "broken module": ({"task": "tests.example.broken.task"}, "broken on purpose"),
    "no task": ({"task": "os.path.join"}, "is a function, no task"),
    "too few arguments": ({"args": []}, "missing a required argument: 'line'"),
    "too many arguments": ({"args": [1, 2]}, "too many positional arguments"),
    "unknown argument": ({"kwargs": {"colour": 1}}, "unexpected keyword argument 'colour'"),
    "args no list": ({"args": {"line": 1}}, "must be a JSON list"),
    "unknown backend": ({"backend": "gone"}, "gone"),
    "another's backend": ({"backend": "dummy"}, "is none of Taskyard's"),
    "unknown queue": ({"queue": "gone"}, "Queue 'gone' is not valid for backend"),
    "priority": ({"priority": 1000}, "priority must be a whole number"),
    "cron": ({"interval": None, "cron": "0 25 * * *"}, "'25' is no hour"),
    "time zone": ({"interval": None, "cron": "0 2 * * *", "timezone": "Mars"}, "no time zone 'Mars'"),
    "no times": ({"interval": None}, "a cron expression or an interval"),
    "missed": ({"missed": "gone"}, "'gone' is not a valid Missed"),
}


@pytest.mark.parametrize(("columns", "fault"), FAULTY.values(), ids=FAULTY)
def test_a_schedule_at_fault_says_why_and_the_others_go_on(columns, fault, caplog, add_backend):
    dummy = BaseTaskBackend.__module__.replace("base", "dummy")
    add_backend("dummy", {"BACKEND": f"{dummy}.DummyBackend"})
    pending = now() - HOUR
    bad = add_schedule(name="bad", **columns)
    Schedule.objects.filter(pk=bad.pk).update(next_slot=pending)
    good = add_schedule(name="good", due=True)

    fire_due()
    firing._resting.clear()
    fire_due()

    row = fresh(bad)
    assert fault in row.fault
    assert row.next_slot == pending, "its slots are kept for when it is repaired"
    assert slots_of(bad) == []
    assert len(slots_of(good)) == 1
    assert [record.levelno for record in caplog.records if "'bad' cannot fire" in record.message] == [
        logging.ERROR
    ], "logged once"


def test_a_new_schedule_says_at_once_what_is_wrong_with_it():
    """Not when its first slot comes, which may be in a month."""
    schedule = add_schedule(args=[])

    fire_due()

    assert "missing a required argument" in fresh(schedule).fault


def test_a_schedule_at_fault_rests():
    add_schedule(due=True, args=[])

    assert fire_due() == 1
    assert fire_due() == 0
    assert 0 < seconds_until_next() <= firing.REST


def test_a_repaired_schedule_fires_what_is_pending_and_shows_no_fault():
    schedule = add_schedule(due=True, args=[])
    fire_due()
    schedule.args = ["x"]
    schedule.save()
    firing._resting.clear()

    fire_due()

    assert fresh(schedule).fault == ""
    assert len(slots_of(schedule)) == 1


def test_a_fault_tells_none_of_the_arguments(caplog):
    add_schedule(task=sign_in.module_path, args=[], kwargs={"token": "hunter2"})

    with caplog.at_level(logging.INFO):
        fire_due()

    fault = Schedule.objects.get().fault
    assert "missing a required argument: 'user'" in fault
    assert fault in caplog.text
    assert "hunter2" not in caplog.text + fault

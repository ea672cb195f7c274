"""`manage.py schedules`, as people and programs call it."""

import io
import json
import re
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from taskyard.models import Job, Schedule
from taskyard.schedules.control import pause
from taskyard.schedules.firing import fire_due
from tests.tasks.schedules.rows import HOUR, add_schedule, now

pytestmark = pytest.mark.django_db


def schedules(*arguments):
    """Return what the command writes."""
    out = io.StringIO()
    call_command("schedules", *arguments, stdout=out)
    return out.getvalue()


def data(*arguments):
    return [json.loads(line) for line in schedules(*arguments, "--json").splitlines()]


@pytest.fixture
def two():
    """One schedule that fires soon, and a paused one."""
    add_schedule(name="hourly", cron="0 * * * *", timezone="Europe/Berlin", next_slot=now() + HOUR)
    add_schedule(name="nightly", cron="0 2 * * *", paused_at=now())


def names(paused):
    return set(Schedule.objects.filter(paused_at__isnull=not paused).values_list("name", flat=True))


def test_the_list_has_those_that_fire_next_first(two):
    lines = schedules("list").splitlines()

    assert re.split(" {2,}", lines[0].strip()) == (
        ["Name", "State", "Times", "Next", "Last fired", "Late by", "Last success"]
    )
    assert lines[1].startswith("hourly   active  0 * * * * Europe/Berlin  in 59 min")
    assert lines[2].startswith("nightly  paused  0 2 * * * UTC")


def test_an_empty_list_says_so():
    assert schedules("list") == "No schedules.\n"
    assert data("list") == []


def test_the_list_of_a_task(two):
    add_schedule(name="another", task="tests.example.tasks.nothing", args=[])

    assert [each["name"] for each in data("list", "--task", "tests.example.tasks.nothing")] == ["another"]


def test_faults_stand_under_the_list():
    add_schedule(name="bad", args=[], due=True)
    fire_due()

    text = schedules("list")

    assert "bad   faulty" in text
    assert "bad: The arguments do not fit tests.example.tasks.leave: missing a required argument" in text


def test_the_list_as_json(two):
    [hourly, nightly] = data("list")

    assert hourly["name"] == "hourly"
    assert hourly["condition"] == "active"
    assert (hourly["cron"], hourly["interval"], hourly["timezone"]) == ("0 * * * *", None, "Europe/Berlin")
    assert hourly["next_slot"].endswith("+00:00")
    assert (hourly["declared_in_code"], hourly["changed_by_hand"]) == (False, [])
    assert nightly["condition"] == "paused"


def test_a_schedule_with_all_about_it():
    schedule = add_schedule(
        name="nightly",
        cron="0 2 * * *",
        timezone="Europe/Berlin",
        missed="catch_up",
        catch_up_window=timedelta(days=2),
        jitter=timedelta(minutes=5),
        due=True,
    )
    fire_due()

    text = schedules("show", "nightly")

    assert "0 2 * * * Europe/Berlin" in text
    assert "A job for each, up to 2 d old" in text
    assert "5 min" in text
    assert text.count(" 02:00:00 CE") >= 5 + bool(schedule.last_slot)


def test_a_schedule_as_json(two):
    [shown] = data("show", "hourly")

    assert len(shown["next_runs"]) == 5
    assert shown["args"] == ["x"]


def test_a_schedule_at_fault_is_shown_as_well():
    add_schedule(name="bad", interval=None, cron="0 25 * * *")
    fire_due()

    assert "'25' is no hour (characters 3 to 4)" in schedules("show", "bad")
    assert data("show", "bad")[0]["next_runs"] == []


def test_an_unknown_name_is_refused_with_those_there_are(two):
    with pytest.raises(CommandError, match=r"No schedule is called gone\. There are: hourly, nightly\."):
        schedules("pause", "hourly", "gone")

    assert names(paused=True) == {"nightly"}, "nothing was done"


def test_schedules_are_paused_and_resumed_by_name(two):
    assert schedules("pause", "hourly", "nightly") == "1 schedule paused.\n"
    assert names(paused=True) == {"hourly", "nightly"}

    assert schedules("resume", "hourly", "nightly") == "2 schedules resumed.\n"
    assert names(paused=True) == set()


def test_all_are_paused_after_a_question(two, monkeypatch):
    assert schedules("pause", "--all", "--dry-run") == "2 schedules would be paused.\n"
    with pytest.raises(CommandError, match="Pause 2 schedules\\? Nobody is there to answer; say --yes"):
        schedules("pause", "--all")
    assert names(paused=True) == {"nightly"}

    assert data("pause", "--all", "--yes") == [{"schedules": 1, "dry_run": False}]
    assert names(paused=True) == {"hourly", "nightly"}


@pytest.mark.parametrize("arguments", [[], ["hourly", "--all"]])
def test_one_says_which(two, arguments):
    with pytest.raises(CommandError, match="Say which schedules: names, or --all"):
        schedules("pause", *arguments)


def test_jobs_are_run_at_once(two):
    pause(["hourly"])

    text = schedules("run", "hourly", "nightly")

    jobs = {job.schedule.name: job.pk for job in Job.objects.all()}
    assert text == f"hourly: job {jobs['hourly']}\nnightly: job {jobs['nightly']}\n"


def test_one_that_cannot_run_stops_no_other(two):
    add_schedule(name="bad", args=[])

    with pytest.raises(CommandError, match="bad cannot run: The arguments do not fit"):
        schedules("run", "bad", "hourly")

    assert Job.objects.get().schedule.name == "hourly"

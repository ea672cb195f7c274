"""Schedules in the admin: made, edited, paused and run by those who may."""

import html
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from taskyard.fields import CorruptJSON
from taskyard.models import Job, Schedule
from taskyard.schedules.control import pause
from taskyard.schedules.firing import fire_due
from taskyard.schedules.form import ScheduleForm
from taskyard.schedules.synchronising import VANISHED
from tests.tasks.schedules.rows import HOUR, add_schedule, fresh, now

pytestmark = pytest.mark.django_db

LIST = reverse("admin:taskyard_schedule_changelist")
ADD = reverse("admin:taskyard_schedule_add")


def sign_in(*codenames):
    user = User.objects.create_user("ada", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def viewer(db):
    return sign_in("view_schedule")


@pytest.fixture
def editor(db):
    return sign_in("view_schedule", "add_schedule", "change_schedule", "delete_schedule")


def page_of(schedule):
    return reverse("admin:taskyard_schedule_change", args=[schedule.pk])


def text_of(response):
    assert response.status_code == 200
    return html.unescape(response.content.decode())


def filled_in(schedule=None, **changes):
    """Return what a browser sends for a form in which these fields were changed."""
    form = ScheduleForm(instance=schedule)
    shown = {name: form[name].value() for name in form.fields}
    edited = {name: form.fields[name].prepare_value(value) for name, value in changes.items()}
    new = {"name": "weekly", "task": "tests.example.tasks.nothing"} if schedule is None else {}
    return {name: "" if value is None else value for name, value in (shown | new | edited).items()}


# --- made and edited ---


def test_a_schedule_is_made_by_hand(editor):
    response = editor.post(ADD, filled_in(cron="0 6 * * MON", timezone="Europe/Berlin"), follow=True)

    assert "was added successfully" in text_of(response)
    schedule = Schedule.objects.get()
    assert (schedule.args, schedule.kwargs) == ([], {})
    assert (schedule.cron, schedule.declared, schedule.next_slot) == ("0 6 * * MON", None, None)
    fire_due()
    assert fresh(schedule).next_slot > now()


def test_a_new_one_goes_by_the_sites_time_zone(editor, settings):
    settings.TIME_ZONE = "Asia/Kolkata"

    assert 'value="Asia/Kolkata"' in text_of(editor.get(ADD))


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"cron": "0 25 * * *"}, "'25' is no hour (characters 3 to 4)"),
        ({"cron": "0 2 * * *", "timezone": "Mars"}, "There is no time zone 'Mars'"),
        ({"cron": "0 2 * * *", "interval": "01:00:00"}, "a cron expression or an interval"),
        ({}, "a cron expression or an interval"),
        ({"interval": "00:00:00.5"}, "is not within 1 second"),
        ({"interval": "a while"}, "Enter a valid duration"),
        ({"cron": "@daily", "jitter": "-00:05:00"}, "Give 0 or more"),
        ({"cron": "@daily", "task": "tests.example.tasks.gone"}, "cannot be imported"),
        ({"cron": "@daily", "args": "[1]"}, "do not fit tests.example.tasks.nothing: too many positional"),
        ({"cron": "@daily", "args": "{}"}, "must be a JSON list"),
        ({"cron": "@daily", "args": "[1"}, "Enter a valid JSON"),
        ({"cron": "@daily", "queue": "gone"}, "Queue 'gone' is not valid"),
        ({"cron": "@daily", "backend": "gone"}, "gone"),
    ],
)
def test_what_could_not_fire_is_refused_with_the_reason(editor, changes, fault):
    assert fault in text_of(editor.post(ADD, filled_in() | changes))
    assert not Schedule.objects.exists()


def test_an_edit_writes_what_was_edited_and_nothing_beside(editor, monkeypatch):
    """A dispatcher moves the schedule on while the form is on its way."""
    schedule = add_schedule(due=True)
    is_valid = ScheduleForm.is_valid

    def meanwhile(form):
        fire_due()
        return is_valid(form)

    monkeypatch.setattr(ScheduleForm, "is_valid", meanwhile)
    editor.post(page_of(schedule), filled_in(schedule, args=["edited"]))

    row = fresh(schedule)
    assert row.args == ["edited"]
    assert row.next_slot > now()
    assert row.last_slot == schedule.next_slot


def test_edited_times_are_reckoned_anew(editor):
    schedule = add_schedule(interval=HOUR, next_slot=now() + HOUR)

    editor.post(page_of(schedule), filled_in(schedule, interval="02:00:00"))

    row = fresh(schedule)
    assert row.interval == timedelta(hours=2)
    assert row.next_slot is None


def test_an_edit_of_something_else_leaves_the_next_slot(editor):
    schedule = add_schedule(interval=HOUR, next_slot=now() + HOUR)

    editor.post(page_of(schedule), filled_in(schedule, overlap="skip"))

    assert fresh(schedule).overlap == "skip"
    assert fresh(schedule).next_slot == schedule.next_slot


def test_a_repaired_schedule_shows_no_fault(editor):
    schedule = add_schedule(args=[], due=True)
    fire_due()
    assert "missing a required argument" in text_of(editor.get(page_of(schedule)))

    editor.post(page_of(schedule), filled_in(schedule, args=["x"]))

    assert fresh(schedule).fault == ""


def test_what_the_code_declares_no_longer_goes_on_saying_so(editor):
    schedule = add_schedule(paused_at=now(), fault=VANISHED, declared={})

    editor.post(page_of(schedule), filled_in(schedule, overlap="skip"))

    assert fresh(schedule).fault == VANISHED


def test_arguments_that_are_no_json_do_not_break_the_form():
    schedule = add_schedule()
    schedule.args = CorruptJSON(text="[1", fault="cut off")

    assert "[1" not in str(ScheduleForm(instance=schedule))


# --- shown ---


def test_the_list_says_how_they_are(viewer):
    add_schedule(name="hourly", interval=HOUR, next_slot=now() + HOUR)
    add_schedule(name="stopped", cron="0 2 * * *", paused_at=now())
    add_schedule(name="bad", args=[], due=True)
    fire_due()

    text = text_of(viewer.get(LIST))

    assert all(word in text for word in ("every 1 h", "0 2 * * * UTC", "active", "paused", "faulty"))


@pytest.mark.parametrize("condition", ["active", "paused", "faulty"])
def test_the_list_is_filtered_by_condition(viewer, condition):
    for name, columns in {
        "one-active": {},
        "one-paused": {"paused_at": now()},
        "one-faulty": {"fault": "why"},
    }.items():
        add_schedule(name=name, next_slot=now() + HOUR, **columns)

    text = text_of(viewer.get(LIST, {"condition": condition}))

    assert [name for name in ("active", "paused", "faulty") if f"one-{name}</a>" in text] == [condition]


def test_a_page_shows_the_next_five_runs_and_the_last(viewer):
    schedule = add_schedule(cron="0 2 * * *", timezone="Europe/Berlin", due=True)
    fire_due()

    text = text_of(viewer.get(page_of(schedule)))

    assert text.count(" 02:00:00 CE") == 6


# --- steered ---


def steer(client, action, *schedules):
    sent = {"action": action, "_selected_action": [schedule.pk for schedule in schedules]}
    return client.post(LIST, sent, follow=True)


def test_schedules_are_paused_resumed_and_run(editor):
    one, other = (add_schedule(name=name, next_slot=now() + HOUR) for name in ("one", "other"))
    pause(["one"])

    assert "1 schedule paused." in text_of(steer(editor, "pause", one, other))
    assert "2 schedules resumed." in text_of(steer(editor, "resume", one, other))
    assert "2 schedules run" in text_of(steer(editor, "run", one, other))
    assert set(Job.objects.values_list("schedule__name", flat=True)) == {"one", "other"}


def test_one_that_cannot_run_says_why_and_stops_no_other(editor):
    bad, good = add_schedule(name="bad", args=[]), add_schedule(name="good")

    text = text_of(steer(editor, "run", bad, good))

    assert "Schedule 'bad' cannot run: The arguments do not fit" in text
    assert "1 schedule run" in text


def test_a_page_has_the_buttons_for_what_may_be_done(editor):
    schedule = add_schedule()
    assert 'value="pause"' in text_of(editor.get(page_of(schedule)))
    pause([schedule.name])

    text = text_of(editor.get(page_of(schedule)))

    assert 'value="resume"' in text
    assert 'value="run"' in text


def test_who_may_only_look_changes_nothing(viewer):
    schedule = add_schedule()

    text = text_of(viewer.get(page_of(schedule)))
    assert 'value="pause"' not in text
    assert viewer.post(page_of(schedule), filled_in(schedule, args=["no"])).status_code == 403
    steer(viewer, "pause", schedule)
    steer(viewer, "run", schedule)

    row = fresh(schedule)
    assert (row.args, row.paused_at) == (["x"], None)
    assert not Job.objects.exists()


def test_a_deleted_schedule_leaves_its_jobs(editor):
    schedule = add_schedule(due=True)
    fire_due()

    editor.post(reverse("admin:taskyard_schedule_delete", args=[schedule.pk]), {"post": "yes"})

    assert not Schedule.objects.exists()
    assert Job.objects.get().schedule is None

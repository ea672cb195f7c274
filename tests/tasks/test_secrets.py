"""A secret among a job's arguments is told nowhere: not by a command, a page, a log, nor a search."""

import io
import logging
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from rich.console import Console

from taskyard import job_metadata
from taskyard.models import Job, Schedule
from taskyard.operating.redaction import MASK
from taskyard.operating.search import Search
from taskyard.operating.terminal.job_pages import job_list
from taskyard.operating.terminal.watching import watch_jobs
from taskyard.schedules.form import ScheduleForm
from taskyard.states import JobState
from taskyard.testing import drain
from tests.example.tasks import bill, sign_in
from tests.tasks.jobs import FUTURE, add_job
from tests.tasks.schedules.rows import add_schedule

pytestmark = pytest.mark.django_db

SECRET = "hunter2-0f3a"


@pytest.fixture
def job():
    """A job that carries it wherever it can, and has returned it."""
    with job_metadata(upstream={"Authorization": SECRET}):
        sign_in.enqueue("ada", SECRET, SECRET, nested=[{"api_key": SECRET}], token=SECRET)
    drain()
    found = Job.objects.get()
    assert found.state == JobState.SUCCESSFUL
    assert [SECRET in str(getattr(found, name)) for name in HOLDING] == [True] * len(HOLDING)
    return found


HOLDING = ("args", "kwargs", "metadata", "return_value")


@pytest.fixture
def schedule():
    return add_schedule(
        name="nightly", task=sign_in.module_path, args=["ada", SECRET], kwargs={"token": SECRET, "lang": "de"}
    )


@pytest.fixture
def browse(db):
    """Return the text of a page of the admin, as somebody with these permissions sees it."""
    user = User.objects.create_user("eve", is_staff=True)
    client = Client()
    client.force_login(user)

    def get(*codenames, page, key=None, data=None, query=""):
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        address = reverse(f"admin:taskyard_{page}", args=[key] if key else []) + query
        response = client.post(address, data) if data else client.get(address)
        assert response.status_code == 200
        return response.content.decode()

    return get


def manage(*arguments):
    output = io.StringIO()
    call_command(*map(str, arguments), stdout=output, stderr=output)
    return output.getvalue()


# --- jobs ---


@pytest.mark.parametrize(
    "arguments",
    [("list", "--json"), ("show", "{}"), ("show", "{}", "--json")],
    ids=" ".join,
)
def test_commands_tell_none_of_a_job(job, arguments):
    text = manage("jobs", *(each.format(job.pk) for each in arguments))

    assert SECRET not in text
    assert MASK in text
    assert "ada" in text


@pytest.mark.parametrize("command", ["list", "watch"])
def test_commands_without_arguments_to_show_tell_none_either(job, command):
    assert SECRET not in manage("jobs", command, *([job.pk] if command == "watch" else []))


def test_terminals_tell_none_of_a_job(job, monkeypatch):
    output = io.StringIO()
    Console(file=output, width=80).print(job_list([job], 80))
    assert MASK in output.getvalue()

    def enough():
        raise KeyboardInterrupt

    monkeypatch.setattr("taskyard.operating.terminal.watching._pause", enough)
    watch_jobs(Console(file=output, force_terminal=True, width=80), Search(), 10)

    assert SECRET not in output.getvalue()


def test_pages_tell_none_of_a_job(job, browse):
    rights = ("view_job", "operate_job")
    chosen = {"action": "retry", "_selected_action": [job.pk]}
    pages = [
        browse(*rights, page="job_changelist"),
        browse(*rights, page="job_change", key=job.pk),
        browse(*rights, page="job_changelist", data=chosen),
    ]

    assert [SECRET in page for page in pages] == [False] * 3
    assert [MASK in page for page in pages] == [True, True, False]


def test_no_search_finds_a_job_by_it(job, browse):
    for path in ("password", "1", "nested.0.api_key"):
        words = f"args.{path}:{SECRET}+task:sign_in"
        page = browse("view_job", page="job_changelist", query=f"?q={words}")
        assert "Nothing was looked for." in page
        assert str(job.pk) not in page
        with pytest.raises(CommandError, match="this is not shown, and so not looked for"):
            manage("jobs", "list", "--arg", f"{path}={SECRET}", "--task", "sign_in")
    assert str(job.pk) not in manage("jobs", "list", "--arg", f"1={SECRET}")


def test_logs_tell_none_of_it(caplog):
    with caplog.at_level(logging.DEBUG):
        sign_in.enqueue("ada", password=SECRET)
        sign_in.using(run_after=FUTURE).enqueue("ada", SECRET)
        add_job(task=sign_in.module_path, args=[], kwargs={"token": SECRET})  # fails: it gets no user
        drain()

    assert "state=FAILED" in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.django_db(transaction=True)
def test_a_workers_log_tells_none_of_it(start):
    sign_in.enqueue("ada", SECRET)
    add_job(task=sign_in.module_path, args=[], kwargs={"token": SECRET})
    add_job(task="tests.gone.sign_in", args=[SECRET])
    worker = start("worker", "--burst")
    worker.ended()

    assert {job.state for job in Job.objects.all()} == {JobState.SUCCESSFUL, JobState.FAILED}
    assert "failed" in worker.log
    assert SECRET not in worker.log


# --- schedules ---


@pytest.mark.parametrize(
    "arguments",
    [
        *(("list",), ("list", "--json"), ("show", "nightly"), ("show", "nightly", "--json")),
        *(("pause", "nightly"), ("run", "nightly", "--json")),
    ],
    ids=" ".join,
)
def test_commands_tell_none_of_a_schedule(schedule, arguments):
    text = manage("schedules", *arguments)

    assert SECRET not in text
    if "show" in arguments:
        assert MASK in text
        assert "de" in text


@pytest.mark.parametrize("right", ["view_schedule", "change_schedule"])
def test_pages_tell_none_of_a_schedule(schedule, browse, right):
    rights = ("view_schedule", "delete_schedule", right)
    shown = browse(*rights, page="schedule_change", key=schedule.pk)

    assert MASK in shown
    for page in (
        shown,
        browse(*rights, page="schedule_changelist"),
        browse(*rights, page="schedule_history", key=schedule.pk),
        browse(*rights, page="schedule_delete", key=schedule.pk),
    ):
        assert SECRET not in page


def test_no_filter_finds_a_schedule_by_it(schedule, client):
    client.force_login(User.objects.create_superuser("root"))

    listing = reverse("admin:taskyard_schedule_changelist")
    assert client.get(listing, {"kwargs__token": SECRET}).status_code == 400


def edit(browse, schedule, **changes):
    """Send the form as a browser does that was shown it, with these changes; return the page that follows."""
    form = ScheduleForm(instance=Schedule.objects.get(pk=schedule.pk))
    sent = {name: form[name].value() for name in form.fields}
    sent = {name: "" if value is None else value for name, value in sent.items()} | changes
    client = Client()
    client.force_login(User.objects.create_superuser(f"root{User.objects.count()}"))
    page = client.post(reverse("admin:taskyard_schedule_change", args=[schedule.pk]), sent, follow=True)
    return page.content.decode()


def test_what_is_hidden_stays_when_something_else_is_edited(schedule, browse):
    edit(browse, schedule, interval="02:00:00")
    edit(browse, schedule, kwargs=f'{{"token": "{MASK}", "lang": "fr"}}', args=f'["bob", "{MASK}"]')

    row = Schedule.objects.get()
    assert row.interval == timedelta(hours=2)
    assert row.args == ["bob", SECRET]
    assert row.kwargs == {"token": SECRET, "lang": "fr"}


@pytest.mark.parametrize(
    "changes",
    [{"args": f'["{MASK}", "x"]'}, {"task": "tests.example.tasks.add", "kwargs": "{}"}],
    ids=["moved", "another task"],
)
def test_what_is_hidden_is_not_brought_to_where_it_would_be_shown(schedule, browse, changes):
    page = edit(browse, schedule, **changes)

    assert "What is hidden stays only where it stands" in page
    assert SECRET not in page
    assert Schedule.objects.get().args == ["ada", SECRET]


def test_what_a_hook_hides_of_one_task_is_not_kept_for_another(hook, browse):
    hook("hide_bills")
    schedule = add_schedule(task=bill.module_path, args=[SECRET])

    page = edit(browse, schedule, task="tests.example.tasks.leave")

    assert "What is hidden stays only where it stands" in page
    assert SECRET not in page
    assert Schedule.objects.get().task == bill.module_path

"""What the code declares comes into the table, beside what operators made of it."""

import re
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import call_command

from taskyard import schedule
from taskyard.models import Schedule
from taskyard.schedules import declaring
from taskyard.schedules.control import pause, resume
from taskyard.schedules.firing import fire_due
from taskyard.schedules.synchronising import VANISHED, changed_by_hand, sync_declared
from tests.example.tasks import leave, nothing
from tests.tasks.schedules.rows import HOUR, add_schedule, now
from tests.tasks.threads import at_once

DOCUMENTED = Path(__file__).parents[3] / "docs" / "how-to" / "schedule.md"

pytestmark = pytest.mark.django_db


def declare(when="0 2 * * *", task=nothing, **options):
    """Let the code declare this schedule alone, as after a deployment."""
    declaring._declared.clear()
    schedule(when, **{"name": "nightly", "timezone": "UTC", **options})(task)


def deploy(*given, **options):
    declare(*given, **options)
    sync_declared()
    return row()


def row():
    return Schedule.objects.get(name="nightly")


def by_operator(**columns):
    Schedule.objects.filter(name="nightly").update(**columns)


def test_what_is_new_is_written():
    found = deploy(
        args=[],
        missed="catch_up",
        catch_up_window=timedelta(days=1),
        overlap="skip",
        jitter=timedelta(minutes=5),
    )

    assert (found.task, found.args, found.kwargs) == (nothing.module_path, [], {})
    assert (found.cron, found.interval, found.timezone) == ("0 2 * * *", None, "UTC")
    assert (found.missed, found.catch_up_window) == ("catch_up", timedelta(days=1))
    assert (found.overlap, found.jitter) == ("skip", timedelta(minutes=5))
    assert (found.paused_at, found.fault, found.next_slot) == (None, "", None)
    assert changed_by_hand(found) == []


def test_a_dispatcher_reads_them_as_it_starts_and_reckons_their_next_slots():
    declare()

    call_command("dispatcher", "--once")

    assert row().next_slot > now()


def test_a_second_worker_changes_nothing(django_assert_num_queries):
    before = deploy()

    with django_assert_num_queries(1):
        sync_declared()

    assert row().changed_at == before.changed_at


def test_what_the_code_changes_is_taken_over():
    deploy()
    fire_due()

    found = deploy(timedelta(hours=1), task=leave, args=["x"], overlap="skip")

    assert (found.cron, found.interval) == ("", timedelta(hours=1))
    assert (found.task, found.args, found.overlap) == (leave.module_path, ["x"], "skip")
    assert found.next_slot is None, "to be reckoned anew"
    assert changed_by_hand(found) == []


def test_what_the_code_leaves_keeps_its_next_slot():
    deploy()
    fire_due()

    found = deploy(overlap="skip")

    assert found.next_slot > now()


def test_what_an_operator_changed_stays():
    deploy()
    by_operator(cron="30 4 * * *", overlap="skip")

    found = deploy("0 5 * * *", overlap="allow", missed="skip")

    assert (found.cron, found.overlap) == ("30 4 * * *", "skip")
    assert found.missed == "skip", "which the operator had not touched"
    assert set(changed_by_hand(found)) == {"cron", "overlap"}


def test_times_are_changed_together_or_not_at_all():
    deploy()
    by_operator(cron="30 4 * * *")

    found = deploy(timedelta(hours=1))

    assert (found.cron, found.interval) == ("30 4 * * *", None)


def test_a_task_that_moves_takes_its_schedule_along_whatever_an_operator_changed():
    deploy(task=leave, args=["x"])
    by_operator(args=["y"])

    found = deploy(task=nothing)

    assert found.task == nothing.module_path
    assert found.args == ["y"]


def test_what_an_operator_paused_stays_paused():
    deploy()
    pause(["nightly"])

    assert deploy("0 5 * * *").paused_at is not None


def test_a_schedule_made_by_hand_keeps_what_it_says():
    add_schedule(name="nightly", interval=HOUR, timezone="UTC", next_slot=now() + HOUR)

    found = deploy()

    assert (found.cron, found.interval) == ("", HOUR)
    assert set(changed_by_hand(found)) >= {"cron", "interval"}


def test_other_schedules_made_by_hand_are_left_alone():
    add_schedule(name="by hand")

    sync_declared()

    assert Schedule.objects.get(name="by hand").paused_at is None


# --- code that is gone ---


def undeploy():
    declaring._declared.clear()
    sync_declared()
    return row()


def test_what_the_code_declares_no_longer_is_paused_and_says_so(caplog):
    deploy()

    found = undeploy()
    undeploy()

    assert found.paused_at is not None
    assert found.fault == VANISHED
    assert [record.message for record in caplog.records].count(
        "Schedule 'nightly' is paused: the code declares it no longer."
    ) == 1


def test_what_the_code_declares_again_goes_on():
    deploy()
    fire_due()
    before = undeploy()

    found = deploy()

    assert (found.paused_at, found.fault) == (None, "")
    assert found.next_slot == before.next_slot, "what came meanwhile was missed"


def test_what_an_operator_paused_before_it_was_gone_stays_paused():
    deploy()
    pause(["nightly"])
    undeploy()

    assert deploy().paused_at is not None


def test_an_operator_may_go_on_without_the_code():
    deploy()
    undeploy()

    resume(["nightly"])
    found = undeploy()

    assert (found.paused_at, found.fault, found.declared) == (None, "", None)


def test_what_a_broken_module_declares_nobody_knows():
    deploy()
    by_operator(task="tests.example.broken.task")

    assert undeploy().paused_at is None


def test_a_module_that_is_gone_is_gone():
    deploy()
    by_operator(task="tests.example.gone.task")

    assert undeploy().fault == VANISHED


# --- finding them ---

MODULE = """
from datetime import timedelta
from taskyard import schedule, task

@schedule("0 2 * * *", name="nightly", timezone="UTC")
@task
def found():
    pass
"""


@pytest.fixture
def other_app(tmp_path, monkeypatch, settings):
    """Make an app `other_app` whose module `tasks` holds what is given."""
    monkeypatch.syspath_prepend(tmp_path)
    folder = tmp_path / "other_app"
    folder.mkdir()
    (folder / "__init__.py").write_text("")

    def make(text):
        (folder / "tasks.py").write_text(text)
        settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "other_app"]

    yield make
    for name in [name for name in sys.modules if name.startswith("other_app")]:
        del sys.modules[name]


def test_the_tasks_modules_of_all_apps_are_read(other_app):
    other_app(MODULE)

    sync_declared()

    assert row().task == "other_app.tasks.found"


def test_the_documented_schedules_are_what_the_page_says(other_app):
    other_app(re.search(r"```python\n(.*?)```", DOCUMENTED.read_text(), re.DOTALL)[1])

    sync_declared()

    assert {row.name: (row.cron or row.interval, row.args) for row in Schedule.objects.all()} == {
        "other_app.tasks.build_report": ("0 2 * * *", []),
        "other_app.tasks.fetch_orders": (timedelta(minutes=5), []),
        "remind the team": ("0 9 * * MON-FRI", ["team"]),
        "remind the boss": ("0 9 1 * *", ["boss"]),
    }


def test_a_broken_tasks_module_stops_no_other(other_app, caplog):
    declare()
    other_app("raise RuntimeError('broken on purpose')")

    sync_declared()

    assert row().task == nothing.module_path
    assert "The schedules in other_app.tasks are not read" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_many_workers_that_start_at_once_write_each_schedule_once():
    declare()

    at_once(*[sync_declared] * 6)

    assert row().declared is not None

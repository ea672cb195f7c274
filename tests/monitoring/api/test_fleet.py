"""Queues, schedules and workers through the API."""

import pytest

from taskyard.models import AuditEntry, Job, PausedQueue, Schedule
from taskyard_workers.models import WorkerProcess
from tests.example.tasks import nothing
from tests.monitoring.api.conftest import problem
from tests.tasks.jobs import FUTURE, PAST, add_job

pytestmark = pytest.mark.django_db


def add_schedule(name, **columns):
    """Put a schedule into the table."""
    usual = {"task": nothing.module_path, "cron": "0 2 * * *", "next_slot": FUTURE}
    return Schedule.objects.create(name=name, **{**usual, **columns})


@pytest.mark.parametrize("path", ["queues/", "schedules/", "workers/"])
def test_they_are_for_viewers(ada, viewer, path):
    told = problem(ada.get(path), 403, "not-permitted")

    assert "taskyard_monitoring.view_console" in told["detail"]
    assert viewer.get(path).status_code == 200


STEERED = ("queues/mail/pause", "queues/mail/resume", "schedules/nightly/pause", "schedules/nightly/run")


@pytest.mark.parametrize("path", STEERED)
def test_steering_is_for_operators(ada, viewer, path):
    add_schedule("nightly")
    for caller in (ada, viewer):
        told = problem(caller.post(path), 403, "not-permitted")
        assert "taskyard_monitoring.operate_console" in told["detail"]
    assert not AuditEntry.objects.exists()


def test_queues_are_listed(viewer):
    add_job(queue="mail")

    found = {(each["name"], each["backend"]): each for each in viewer.get("queues/").json()["queues"]}

    assert found["mail", "default"]["waiting"] == 1
    assert found["mail", "default"]["oldest"] == "2026-01-05T08:00:00Z"
    assert found["mail", "default"]["paused_at"] is None


def test_a_queue_is_paused_and_resumed(operator):
    assert operator.post("queues/mail/pause", {"reason": "the server is full"}).json() == {"done": True}
    assert operator.post("queues/mail/pause").json() == {"done": False}
    assert PausedQueue.objects.get().paused_by == "operator"

    assert operator.post("queues/mail/resume").json() == {"done": True}
    assert not PausedQueue.objects.exists()
    assert list(AuditEntry.objects.order_by("pk").values_list("source", "action", "reason")) == [
        ("api", "pause", "the server is full"),
        ("api", "resume", ""),
    ]


def test_a_queue_may_have_a_slash_in_its_name(operator):
    add_job(queue="eu/mail")

    assert operator.post("queues/eu/mail/pause").json() == {"done": True}


@pytest.mark.parametrize("name", ["nowhere", "é", "a" * 200])
def test_a_queue_that_is_not_there_is_not_paused(operator, name):
    problem(operator.post(f"queues/{name}/pause"), 404, "unknown-queue")
    assert not PausedQueue.objects.exists()


@pytest.mark.parametrize("path", ["queues/a%00b/pause", "schedules/a%00b/run"])
def test_no_name_holds_nul(operator, path):
    problem(operator.post(path), 422, "invalid-request")


def test_schedules_are_listed_page_by_page(viewer):
    for name in "abc":
        add_schedule(name, kwargs={"token": "hunter2"}, paused_at=PAST if name == "b" else None)

    first = viewer.get("schedules/?limit=2").json()
    rest = viewer.get("schedules/", {"limit": 2, "after": first["next"]}).json()

    assert [(each["name"], each["condition"]) for each in first["schedules"]] == [
        ("a", "active"),
        ("b", "paused"),
    ]
    assert ([each["name"] for each in rest["schedules"]], rest["next"]) == (["c"], None)
    assert "hunter2" not in str(first)


def test_a_schedule_is_paused_resumed_and_run(operator):
    add_schedule("nightly/eu")

    for action, done in (("pause", True), ("pause", False), ("resume", True)):
        assert operator.post(f"schedules/nightly/eu/{action}").json() == {"done": done}
    answer = operator.post("schedules/nightly/eu/run", {"reason": "now"})

    assert answer.status_code == 201, answer.content
    assert Job.objects.get().pk == Job.objects.get(pk=answer.json()["id"]).pk
    assert [*AuditEntry.objects.order_by("pk").values_list("action", flat=True)] == ["pause", "resume", "run"]


def test_a_schedule_that_cannot_run_says_why(operator):
    add_schedule("broken", task="nowhere.to_be_found")

    told = problem(operator.post("schedules/broken/run"), 409, "faulty-schedule")

    assert "nowhere.to_be_found" in told["detail"]


@pytest.mark.parametrize("action", ["pause", "resume", "run"])
def test_a_schedule_that_is_not_there_is_unknown(operator, action):
    problem(operator.post(f"schedules/gone/{action}"), 404, "unknown-schedule")


def test_workers_are_listed(viewer):
    WorkerProcess.objects.create(
        id="w1",
        name="ada",
        backend="default",
        host="h",
        pid=7,
        queues=["mail"],
        concurrency=4,
        started_at=PAST,
        beat_at=PAST,
    )

    [worker] = viewer.get("workers/").json()["workers"]

    assert (worker["name"], worker["state"], worker["queues"]) == ("ada", "silent", ["mail"])

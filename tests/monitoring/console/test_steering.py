"""What the buttons do, what is written down of it, and what is said afterwards."""

import html
from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.utils import timezone

from taskyard.models import AuditEntry, Job, PausedQueue, Schedule
from taskyard_monitoring.snapshot import forget
from taskyard_workers.models import WorkerProcess

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def present(db):
    """See this test's rows, not those of the one before."""
    forget()
    yield
    forget()


def said(response):
    return [str(message) for message in get_messages(response.wsgi_request)]


def entry():
    entry = AuditEntry.objects.get()
    return entry.user, entry.source, entry.action, entry.subject, entry.count, entry.reason


@pytest.fixture
def nightly(db):
    return Schedule.objects.create(name="nightly", task="tests.example.tasks.nothing", cron="0 2 * * *")


@pytest.fixture
def worker(db):
    now = timezone.now()
    return WorkerProcess.objects.create(
        id="host:1:abc",
        name="ada",
        backend="default",
        host="host",
        pid=1,
        concurrency=4,
        started_at=now,
        beat_at=now,
    )


# --- queues ---


def test_a_queue_is_paused_with_a_reason(operator):
    response = operator.post("/console/queues/pause/", {"queue": "mail", "reason": " server moves "})

    assert response.url == "/console/queues/"
    assert PausedQueue.objects.get().paused_by == "operator"
    assert said(response) == ["Queue mail is paused."]
    assert entry() == ("operator", "console", "pause", "queue mail", 1, "server moves")


def test_a_paused_queue_shows_who_paused_it(operator):
    operator.post("/console/queues/pause/", {"queue": "mail"})

    page = operator.get("/console/queues/").content.decode()

    assert 'class="state warn">paused<' in page
    assert "by operator, " in page
    assert "/console/queues/resume/?queue=mail" in page


def test_pausing_twice_is_no_news(operator):
    operator.post("/console/queues/pause/", {"queue": "mail"})
    response = operator.post("/console/queues/pause/", {"queue": "mail"})

    assert "Queue mail was paused already." in said(response)
    assert AuditEntry.objects.count() == 1


def test_a_queue_is_resumed(operator):
    operator.post("/console/queues/pause/", {"queue": "mail"})
    response = operator.post("/console/queues/resume/", {"queue": "mail"})

    assert not PausedQueue.objects.exists()
    assert "Queue mail is resumed." in said(response)


@pytest.mark.parametrize("address", ["drop/?queue=mail", "pause/", f"pause/?queue={'x' * 129}"])
def test_what_cannot_be_done_to_a_queue_is_a_404_in_the_shell(operator, address):
    response = operator.get(f"/console/queues/{address}")

    assert response.status_code == 404
    assert "There is nothing here" in response.content.decode()


# --- questions ---


def test_a_question_is_a_page_where_no_script_asks(operator):
    page = operator.get("/console/queues/pause/?queue=mail").content.decode()

    assert "<html" in page
    assert "Pause queue mail?" in page
    assert 'name="reason"' in page


def test_a_question_is_a_part_where_a_script_asks(operator):
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/console/?span=24h"}

    part = operator.get("/console/queues/pause/?queue=mail", headers=headers).content.decode()

    assert "<html" not in part
    assert 'name="back" value="/console/?span=24h"' in part


@pytest.mark.parametrize(
    ("back", "leads_to"),
    [
        ("/console/?span=24h", "/console/?span=24h"),
        ("https://elsewhere.example/", "/console/queues/"),
        ("//elsewhere.example/", "/console/queues/"),
        ("javascript:alert(1)", "/console/queues/"),
        ("", "/console/queues/"),
    ],
)
def test_the_way_back_leads_to_this_site_alone(operator, back, leads_to):
    assert operator.post("/console/queues/pause/", {"queue": "mail", "back": back}).url == leads_to


def test_names_are_escaped(operator):
    name = "<script>alert(1)</script>"
    operator.post("/console/queues/pause/", {"queue": name})

    page = operator.get("/console/queues/").content.decode()

    assert name not in page
    assert html.escape(name) in page


# --- schedules ---


def test_a_schedule_is_paused_and_resumed(operator, nightly):
    paused = operator.post("/console/schedules/pause/", {"schedule": "nightly", "reason": "no nights"})
    nightly.refresh_from_db()
    assert nightly.paused_at is not None
    assert said(paused) == ["1 schedule paused."]
    assert entry() == ("operator", "console", "pause", "schedule nightly", 1, "no nights")

    operator.post("/console/schedules/resume/", {"schedule": "nightly"})
    nightly.refresh_from_db()
    assert nightly.paused_at is None


def test_several_schedules_are_paused_together(operator, nightly):
    Schedule.objects.create(name="hourly", task="tests.example.tasks.nothing", cron="0 * * * *")
    chosen = {"schedule": ["hourly", "nightly"]}

    question = operator.get("/console/schedules/pause/", chosen).content.decode()
    response = operator.post("/console/schedules/pause/", chosen)

    assert "Pause: 2 schedules?" in question
    assert "<li>hourly</li><li>nightly</li>" in question
    assert said(response) == ["2 schedules paused."]
    subjects = set(AuditEntry.objects.values_list("subject", flat=True))
    assert subjects == {"schedule hourly", "schedule nightly"}


def test_choosing_no_schedule_is_said(operator):
    assert "No schedule is chosen" in operator.get("/console/schedules/pause/").content.decode()
    response = operator.post("/console/schedules/pause/")
    assert said(response) == ["Nothing was done: no schedule was chosen that is still there."]


def test_a_schedule_runs_now(operator, nightly):
    response = operator.post("/console/schedules/run/", {"schedule": "nightly"})

    assert Job.objects.get().schedule_id == nightly.pk
    assert said(response) == ["1 schedule run: a job of each is enqueued."]


def test_a_faulty_schedule_says_why_it_cannot_run(operator, nightly):
    Schedule.objects.update(task="tests.example.tasks.missing")

    response = operator.post("/console/schedules/run/", {"schedule": "nightly"})

    assert said(response)[0].startswith("Schedule nightly cannot run: ")
    assert not AuditEntry.objects.exists()


def test_the_next_five_slots_are_shown(viewer, nightly):
    part = viewer.get("/console/schedules/next/?name=nightly").content.decode()

    assert part.count("data-at") == 5


def test_a_schedule_that_never_fires_says_why(viewer, nightly):
    Schedule.objects.update(cron="nonsense")

    assert "It never fires" in viewer.get("/console/schedules/next/?name=nightly").content.decode()


# --- workers ---


@pytest.mark.parametrize(("action", "wish"), [("quiet", "quiet"), ("stop", "stop")])
def test_a_worker_is_asked(administrator, worker, action, wish):
    question = administrator.get(f"/console/workers/{action}/?process={worker.pk}").content.decode()
    response = administrator.post(f"/console/workers/{action}/", {"process": worker.pk, "reason": "noise"})

    worker.refresh_from_db()
    assert "worker ada?" in question
    assert worker.wish == wish
    assert entry() == ("administrator", "console", action, "worker ada", 1, "noise")
    assert said(response)[0].startswith("1 worker is asked to")


def test_a_quiet_worker_is_woken(administrator, worker):
    WorkerProcess.objects.update(wish="quiet")

    page = administrator.get("/console/workers/").content.decode()
    administrator.post("/console/workers/wake/", {"process": worker.pk})

    worker.refresh_from_db()
    assert 'class="state warn">quiet<' in page
    assert worker.wish == ""


def test_a_worker_that_is_gone_is_said(administrator):
    response = administrator.post("/console/workers/stop/", {"process": "nobody"})

    assert said(response) == ["Nothing was done: no such worker is there any more."]
    assert not AuditEntry.objects.exists()


def test_a_lost_worker_has_no_buttons(administrator, worker):
    WorkerProcess.objects.update(lost_at=timezone.now() - timedelta(minutes=1))

    page = administrator.get("/console/workers/").content.decode()

    assert 'class="state bad">lost<' in page
    assert "data-dialog" not in page

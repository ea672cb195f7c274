"""What the site's `/metrics` reads from the database."""

import threading
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import taskyard
from taskyard.models import Job, Schedule
from taskyard.operating import counting
from taskyard.pauses import pause_queue
from taskyard.states import JobState
from taskyard_monitoring.metrics import gauges
from taskyard_monitoring.metrics.gauges import DatabaseGauges
from taskyard_monitoring.metrics.names import READ
from taskyard_workers.models import WorkerProcess
from tests.example import tasks
from tests.example.backends import RecordingBackend
from tests.tasks.jobs import add_job

pytestmark = pytest.mark.django_db(transaction=True)


def ago(seconds):
    return timezone.now() - timedelta(seconds=seconds)


class Read:
    """What one look says: `read("taskyard_jobs", "embedded", "mail", "waiting")`."""

    def __init__(self, collector=None):
        self.families = {family.name: family for family in (collector or DatabaseGauges()).collect()}

    def __call__(self, name, *labels):
        family = self.families[name]
        [found] = [sample.value for sample in family.samples if tuple(sample.labels.values()) == labels] or [
            None
        ]
        return found


def add_process(name, **columns):
    now = timezone.now()
    usual = {"backend": "default", "host": "here", "pid": 1, "concurrency": 4}
    return WorkerProcess.objects.create(
        **{**usual, "id": f"{name}.1", "name": name, "started_at": now, "beat_at": now, **columns}
    )


def test_jobs_by_state():
    for queue in ("mail", "mail", "default"):
        add_job(queue=queue)
    add_job(queue="mail", backend="leased")
    add_job(delivered_at=None, due_at=timezone.now() + timedelta(hours=1))
    add_job(JobState.RUNNING, queue="mail")
    add_job(JobState.FAILED, queue="mail")
    add_job(JobState.SUCCESSFUL)

    read = Read()

    assert read("taskyard_jobs", "embedded", "mail", "waiting") == 2
    assert read("taskyard_jobs", RecordingBackend.engine, "mail", "waiting") == 1
    assert read("taskyard_jobs", "embedded", "default", "waiting") == 1
    assert read("taskyard_jobs", "embedded", "default", "scheduled") == 1
    assert read("taskyard_jobs", "embedded", "mail", "running") == 1
    assert read("taskyard_jobs", "embedded", "mail", "failed") == 1
    assert read("taskyard_jobs", "embedded", "reports", "waiting") == 0


def test_jobs_of_a_backend_that_is_gone_still_show():
    add_job(backend="gone", queue="old", delivered_at=None, deliveries=0, due_at=ago(50))

    read = Read()

    assert read("taskyard_jobs", "unknown", "old", "scheduled") == 1
    assert read("taskyard_outbox_pending", "unknown") == 1
    assert read("taskyard_outbox_oldest_age_seconds", "unknown") >= 50


def test_counting_ends_at_the_cap(monkeypatch):
    monkeypatch.setattr(gauges, "CAP", 3)
    monkeypatch.setattr(counting, "CAP", 3)
    for _ in range(5):
        add_job(JobState.FAILED)
        add_job()

    read = Read()

    assert read("taskyard_jobs", "embedded", "default", "failed") == 3
    assert read("taskyard_jobs", "embedded", "default", "waiting") == 3


def test_ages():
    add_job(delivered_at=ago(100))
    add_job(delivered_at=ago(10))
    add_job(JobState.RUNNING, last_attempted_at=ago(500))
    add_job(JobState.RUNNING, last_attempted_at=ago(5))

    read = Read()

    assert 100 <= read("taskyard_oldest_waiting_age_seconds", "embedded", "default") < 160
    assert read("taskyard_oldest_waiting_age_seconds", "embedded", "mail") == 0
    running = read("taskyard_longest_running_seconds", "embedded", "default", tasks.nothing.module_path)
    assert 500 <= running < 560


def test_queues_paused_or_not():
    pause_queue("mail")
    pause_queue("of no backend")

    read = Read()

    assert read("taskyard_queue_paused", "mail") == 1
    assert read("taskyard_queue_paused", "of no backend") == 1
    assert read("taskyard_queue_paused", "default") == 0


def test_workers_and_slots():
    add_process("ada")
    add_process("bob", beat_at=ago(30), concurrency=8)
    add_process("cleo", beat_at=ago(100), lost_at=ago(50))
    add_process("dan", backend="leased", concurrency=2)
    add_process("dan", id="twin.2", backend="leased", beat_at=ago(9))
    for _ in range(3):
        add_job(JobState.RUNNING, worker="ada.1")
        add_job(JobState.RUNNING, worker="dan.1")  # one is claimed ahead

    read = Read()

    states = ("alive", "silent", "lost")
    assert [read("taskyard_workers", "embedded", state) for state in states] == [1, 1, 1]
    assert [read("taskyard_workers", RecordingBackend.engine, state) for state in states] == [2, 0, 0]
    assert (read("taskyard_slots", "embedded"), read("taskyard_slots_busy", "embedded")) == (4, 3)
    assert read("taskyard_slots", RecordingBackend.engine) == 6
    assert read("taskyard_slots_busy", RecordingBackend.engine) == 2
    beat = read("taskyard_worker_last_heartbeat_timestamp_seconds", RecordingBackend.engine, "dan")
    assert 9 <= timezone.now().timestamp() - beat < 60
    assert read("taskyard_worker_last_heartbeat_timestamp_seconds", "embedded", "cleo") is None


def test_an_engine_without_workers_says_so():
    read = Read()

    for state in ("alive", "silent", "lost"):
        assert read("taskyard_workers", "embedded", state) == 0
    assert read("taskyard_slots", "embedded") == 0


def test_schedules():
    usual = {"task": tasks.nothing.module_path, "cron": "* * * * *"}
    later = timezone.now() + timedelta(hours=1)
    Schedule.objects.create(
        name="good", next_slot=later, last_success_at=ago(60), lateness=timedelta(seconds=2), **usual
    )
    Schedule.objects.create(name="late", next_slot=ago(300), **usual)
    Schedule.objects.create(name="paused", next_slot=ago(300), paused_at=ago(400), **usual)

    read = Read()

    overdue = [read("taskyard_schedule_overdue_seconds", name) for name in ("good", "late", "paused")]
    assert overdue[0] == overdue[2] == 0
    assert 300 <= overdue[1] < 360
    assert [read("taskyard_schedule_paused", name) for name in ("good", "late", "paused")] == [0, 0, 1]
    assert read("taskyard_schedule_lateness_seconds", "good") == 2
    assert read("taskyard_schedule_lateness_seconds", "late") is None
    success = read("taskyard_schedule_last_success_timestamp_seconds", "good")
    assert 60 <= timezone.now().timestamp() - success < 120


def test_the_outbox():
    undelivered = {"delivered_at": None, "deliveries": 0}
    add_job(**undelivered, due_at=ago(90))
    add_job(**undelivered, due_at=ago(30))
    add_job(**undelivered, due_at=timezone.now() + timedelta(hours=1))
    add_job(**undelivered, due_at=None)

    read = Read()

    assert read("taskyard_outbox_pending", "embedded") == 2
    assert 90 <= read("taskyard_outbox_oldest_age_seconds", "embedded") < 150
    assert read("taskyard_outbox_pending", RecordingBackend.engine) == 0
    assert read("taskyard_outbox_oldest_age_seconds", RecordingBackend.engine) == 0


def test_what_waits_in_engines():
    RecordingBackend.depths = {"mail": 7}

    read = Read()

    assert read("taskyard_queue_depth", RecordingBackend.engine, "mail") == 7
    assert read("taskyard_queue_depth", RecordingBackend.engine, "default") == 0
    assert read("taskyard_queue_depth", "embedded", "mail") is None, "its queue is the table"


def test_a_broker_that_hangs_costs_little_and_is_left_out(monkeypatch):
    hangs = threading.Event()
    monkeypatch.setattr(RecordingBackend, "queue_depths", lambda _: hangs.wait(30))
    monkeypatch.setattr(gauges, "TIME_OF_BROKERS", 0.1)
    try:
        read = Read()
        assert read.families["taskyard_queue_depth"].samples == []
        assert read("taskyard_database_up") == 1
    finally:
        hangs.set()


def test_a_broker_that_fails_is_left_out(monkeypatch):
    def fail(_):
        raise OSError("no route to host")

    monkeypatch.setattr(RecordingBackend, "queue_depths", fail)

    assert Read().families["taskyard_queue_depth"].samples == []


def test_every_metric_is_there_with_its_labels_and_no_other():
    add_job(JobState.RUNNING)
    add_process("ada")
    Schedule.objects.create(
        name="s",
        task="t",
        cron="* * * * *",
        last_success_at=timezone.now(),
        lateness=timedelta(0),
    )
    read = Read()

    assert set(read.families) == {metric.name for metric in READ}
    for metric in READ:
        samples = read.families[metric.name].samples
        assert samples, metric.name
        assert {tuple(sample.labels) for sample in samples} == {metric.labels}
    assert read("taskyard_build_info", taskyard.__version__) == 1


def test_without_its_database_there_are_no_numbers_but_the_news(monkeypatch):
    collector = DatabaseGauges()
    add_job()
    assert Read(collector)("taskyard_jobs", "embedded", "default", "waiting") == 1

    def fail(*_):
        raise OperationalError("gone")

    monkeypatch.setattr(gauges, "queue_statuses", fail)
    monkeypatch.setattr(collector._recent, "_seconds", 0)
    read = Read(collector)

    assert read("taskyard_database_up") == 0
    assert set(read.families) == {"taskyard_database_up", "taskyard_build_info", "taskyard_queue_depth"}


def test_a_database_that_hangs_costs_little(monkeypatch):
    hangs = threading.Event()
    monkeypatch.setattr(gauges, "TIME_OF_DATABASE", 0.1)
    monkeypatch.setattr(gauges, "worker_statuses", lambda: hangs.wait(30) and [])
    try:
        assert Read()("taskyard_database_up") == 0
    finally:
        hangs.set()


def test_however_many_scrape_the_database_is_asked_once(monkeypatch):
    collector = DatabaseGauges()
    looks = []
    question = collector._question._question
    monkeypatch.setattr(collector._question, "_question", lambda: looks.append(1) or question())

    for _ in range(5):
        Read(collector)

    assert len(looks) == 1


def test_no_statement_more_for_more_jobs():
    def statements():
        with CaptureQueriesContext(connection) as captured:
            gauges._read()
        return len(captured)

    add_job()
    add_job(JobState.RUNNING)
    add_job(JobState.FAILED)
    before = statements()
    for _ in range(20):
        add_job()
        add_job(JobState.RUNNING)
        add_job(JobState.FAILED)

    assert statements() == before
    assert Job.objects.count() == 63

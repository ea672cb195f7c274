"""Who is healthy: a worker that claims jobs, a dispatcher that makes rounds, a site whose jobs are run."""

import json
import os
import signal
import time
from datetime import timedelta

import pytest
from django.test import RequestFactory
from django.utils import timezone

from taskyard.models import Schedule
from taskyard.pauses import pause_queue
from taskyard.states import JobState
from taskyard_monitoring.health import DispatcherHealth, Health, Verdict, WorkerHealth, site_health
from taskyard_monitoring.health import dispatcher as dispatcher_health
from taskyard_monitoring.health import site as its_health
from taskyard_monitoring.health import verdict as verdicts
from taskyard_monitoring.health import worker as worker_health
from taskyard_monitoring.metrics import asking
from taskyard_monitoring.metrics.processes import Folder
from taskyard_workers.models import WorkerProcess
from tests.example import tasks
from tests.monitoring.metrics import scraping
from tests.support.servers import wait_until
from tests.tasks.jobs import FUTURE, add_job

pytestmark = pytest.mark.django_db(transaction=True)

GROUP = "g"


def ago(seconds):
    return timezone.now() - timedelta(seconds=seconds)


def add_process(**columns):
    """Put this very process into the register: only one that is there can be healthy."""
    usual = {
        **{"id": "ada.1", "name": "ada", "backend": "default", "host": "here", "pid": os.getpid()},
        **{"concurrency": 2, "group": GROUP, "started_at": ago(600), "claimed_at": ago(300)},
        "beat_at": ago(1),
    }
    return WorkerProcess.objects.create(**{**usual, **columns})


def beat(process, **columns):
    WorkerProcess.objects.filter(pk=process.pk).update(beat_at=timezone.now(), **columns)


@pytest.fixture
def worker(monkeypatch):
    """The health of the worker under test, looked at anew each time."""
    monkeypatch.setattr(worker_health, "GOOD_FOR", 0)
    return WorkerHealth(GROUP)


def waiting_job(seconds=100, **columns):
    return add_job(delivered_at=ago(seconds), enqueued_at=ago(seconds), **columns)


def convicted(worker, process):
    """Look with two beats."""
    worker.verdict()
    beat(process)
    return worker.verdict()


# --- a worker ---


def test_a_worker_with_nothing_to_do_is_healthy(worker):
    add_process()

    assert worker.verdict().as_data() == {"status": "ok", "reasons": []}
    assert worker.verdict().status == 200


def test_a_worker_that_claims_nothing_while_jobs_wait_is_not(worker):
    process = add_process()
    waiting_job()

    first = worker.verdict()
    assert (first.health, first.status) == (Health.OK, 200)
    assert "looked at again after its next sign of life" in first.reasons[0]
    assert worker.verdict().health is Health.OK, "with the same beat nothing new is known"

    beat(process)
    second = worker.verdict()
    assert (second.health, second.status) == (Health.BAD, 503)
    [reason] = second.reasons
    assert "ada.1 has free slots and has claimed nothing for over 60 s" in reason
    assert "a job of queue 'default' waits" in reason

    beat(process, claimed_at=timezone.now())
    assert worker.verdict().as_data() == {"status": "ok", "reasons": []}


def test_due_jobs_that_nobody_delivers_are_jobs_that_wait(worker):
    process = add_process()
    add_job(delivered_at=None, deliveries=0, due_at=ago(100))

    assert convicted(worker, process).health is Health.BAD


@pytest.mark.parametrize("wish", ["quiet", "stop"])
def test_who_is_not_to_claim_is_healthy(worker, wish):
    process = add_process(wish=wish)
    waiting_job()

    assert convicted(worker, process).as_data() == {"status": "ok", "reasons": []}


def test_whose_slots_are_taken_is_healthy(worker):
    process = add_process()
    waiting_job()
    for _ in range(2):
        add_job(JobState.RUNNING, worker=process.id)

    assert convicted(worker, process).as_data() == {"status": "ok", "reasons": []}


@pytest.mark.parametrize(
    ("columns", "waits"),
    [
        ({"queue": "mail"}, 100),
        ({"queue": "reports"}, 100),
        ({"backend": "leased"}, 100),
        ({"delivered_at": None, "deliveries": 0, "due_at": FUTURE}, 0),
        ({}, 1),
    ],
    ids=["another's queue", "a paused queue", "another backend", "not due", "not for long"],
)
def test_what_is_not_the_workers_to_claim_is_no_reason(worker, columns, waits):
    process = add_process(queues=["default", "reports"])
    pause_queue("reports")
    add_job(**{"delivered_at": ago(waits), "enqueued_at": ago(waits), **columns})

    assert convicted(worker, process).as_data() == {"status": "ok", "reasons": []}


def test_a_worker_that_has_just_started_is_healthy(worker):
    process = add_process(claimed_at=None, started_at=ago(5))
    waiting_job()

    assert convicted(worker, process).health is Health.OK


def test_a_silent_process_is_not_healthy(worker):
    add_process(beat_at=ago(30))

    verdict = worker.verdict()

    assert verdict.health is Health.BAD
    assert "ada.1 has given no sign of life for 3" in verdict.reasons[0]


def test_a_lost_process_that_is_still_there_is_not_healthy(worker):
    add_process(beat_at=ago(100), lost_at=ago(50))
    add_process(id="bob.2", name="bob", pid=os.getppid())

    assert worker.verdict().as_data() == {
        "status": "bad",
        "reasons": ["ada.1 was declared lost and does not come back."],
    }


def test_a_killed_process_is_no_reason_once_another_is_there(worker):
    add_process(pid=2**30, beat_at=ago(40))
    add_process(id="bob.2", name="bob")

    assert worker.verdict().as_data() == {"status": "ok", "reasons": []}


def test_a_worker_that_starts_has_a_minute(worker):
    assert worker.verdict().as_data() == {"status": "ok", "reasons": ["The worker is starting."]}

    worker._seen -= 61

    assert worker.verdict().health is Health.BAD


def test_another_group_is_another_workers_matter(worker):
    add_process()
    add_process(id="bob.2", group="h", beat_at=ago(100))

    assert worker.verdict().health is Health.OK


def test_a_broker_out_of_reach_is_no_reason_to_restart(worker, monkeypatch):
    from tests.example.backends import RecordingBackend

    process = add_process(backend="leased")
    waiting_job(backend="leased")

    def fail(_):
        raise OSError("no route")

    monkeypatch.setattr(RecordingBackend, "queue_depths", fail)
    verdict = convicted(worker, process)

    assert (verdict.health, verdict.status) == (Health.UNKNOWN, 200)
    assert "The broker of backend 'leased' does not answer" in verdict.reasons[0]


def test_a_database_out_of_reach_is_no_reason_to_restart(worker, monkeypatch):
    from django.db import OperationalError

    def fail(_):
        raise OperationalError("gone: password=secret")

    monkeypatch.setattr(worker_health, "database_time", fail)

    verdict = worker.verdict()

    assert (verdict.health, verdict.status) == (Health.UNKNOWN, 200)
    assert verdict.reasons == ["The jobs' database does not answer."]


def test_a_database_that_hangs_is_out_of_reach(worker, monkeypatch):
    import threading

    hangs = threading.Event()
    monkeypatch.setattr(verdicts, "TIME_TO_ANSWER", 0.1)
    monkeypatch.setattr(worker_health, "database_time", lambda _: hangs.wait(30))
    try:
        for _ in range(3):
            verdict = worker.verdict()
            assert verdict.health is Health.UNKNOWN
            assert "has not answered" in verdict.reasons[0]
        threads = [each for each in threading.enumerate() if each.name == "taskyard-asking"]
        assert len(threads) == 1, "one waits for all"
    finally:
        hangs.set()
        for each in threads:
            each.join()


@pytest.mark.slow
def test_a_real_worker_that_is_frozen_and_thawed(start, port):
    start("worker", "--metrics", str(port))
    [process] = wait_until(lambda: list(WorkerProcess.objects.all()), "it is registered", 60)
    wait_until(lambda: scraping.health(port) == (200, "ok", []), "it is healthy", 60)

    os.kill(process.pid, signal.SIGSTOP)
    try:
        wait_until(lambda: scraping.health(port)[0] == 503, "it is not", 60)
        assert process.id in scraping.health(port)[2][0]
        assert scraping.get(port, "/metrics")[0] == 200
    finally:
        os.kill(process.pid, signal.SIGCONT)

    wait_until(lambda: scraping.health(port) == (200, "ok", []), "it is healthy again", 60)


@pytest.mark.slow
def test_a_real_worker_that_is_up_but_claims_nothing(start, port):
    """Its jobs are another backend's in all but name: it looks at queues that have none."""
    worker = start("worker", "--metrics", str(port), "--queues", "default")
    [process] = wait_until(lambda: list(WorkerProcess.objects.all()), "it is registered", 60)
    result = tasks.nothing.using(queue_name="mail").enqueue()
    long_ago = timezone.now() - timedelta(minutes=10)
    from taskyard.models import Job

    Job.objects.update(delivered_at=long_ago)
    WorkerProcess.objects.update(started_at=long_ago, queues=["default", "mail"])

    wait_until(lambda: scraping.health(port)[0] == 503, "it is found out", 60)
    assert "claimed nothing" in scraping.health(port)[2][0]

    Job.objects.filter(pk=result.id).update(queue="default")
    wait_until(lambda: tasks.nothing.get_result(result.id).is_finished, "it runs", 60)
    wait_until(lambda: scraping.health(port) == (200, "ok", []), "it is healthy again", 60)
    assert process.id in {each.id for each in WorkerProcess.objects.all()}
    assert worker.process.poll() is None


# --- a dispatcher ---


def test_a_dispatcher_that_makes_no_rounds_is_not_healthy(tmp_path, monkeypatch):
    monkeypatch.setattr(dispatcher_health, "GOOD_FOR", 0)
    dispatcher = DispatcherHealth(Folder(tmp_path))
    assert dispatcher.verdict().health is Health.OK

    dispatcher._since -= 61

    verdict = dispatcher.verdict()
    assert verdict.health is Health.BAD
    assert "has made no round for 61 s" in verdict.reasons[0]


@pytest.mark.slow
def test_a_real_dispatcher_that_is_frozen(start, port, monkeypatch):
    worker = start("dispatcher", "--metrics", str(port))
    wait_until(lambda: "Serving" in worker.log, "it serves", 60)
    wait_until(lambda: scraping.scrape(port).value("taskyard_dispatcher_rounds_total") > 0, "it works", 60)
    from pathlib import Path

    [child] = Path(f"/proc/{worker.process.pid}/task/{worker.process.pid}/children").read_text().split()
    os.kill(int(child), signal.SIGSTOP)
    try:
        wait_until(lambda: scraping.health(port)[0] == 503, "it is found out", 90)
    finally:
        os.kill(int(child), signal.SIGCONT)

    wait_until(lambda: scraping.health(port)[0] == 200, "it is healthy again", 60)


# --- the site ---


@pytest.fixture
def ask_site(monkeypatch):
    """Ask the site's view, which looks anew."""

    def ask():
        monkeypatch.setattr(its_health, "_site", asking.Recent(its_health._site._find, 60))
        response = site_health(RequestFactory().get("/health"))
        return response.status_code, json.loads(response.content)

    return ask


def test_a_site_whose_jobs_are_run_is_healthy(ask_site):
    add_process()
    waiting_job(200)
    waiting_job(1, queue="mail")

    assert ask_site() == (200, {"status": "ok", "reasons": []})


@pytest.mark.parametrize(
    ("silent_for", "columns"),
    [(60, {}), (1, {"queues": ["mail"]}), (1, {"backend": "leased"})],
    ids=["silent", "of other queues", "of another backend"],
)
def test_jobs_that_nobody_serves_are_told_without_names(ask_site, silent_for, columns):
    add_process(beat_at=ago(silent_for), **columns)
    waiting_job()

    assert ask_site() == (
        503,
        {"status": "bad", "reasons": ["Jobs wait, and no living worker serves them."]},
    )


def test_jobs_of_a_paused_queue_wait_for_nobody(ask_site):
    pause_queue("default")
    waiting_job()

    assert ask_site()[0] == 200


def late_job():
    add_job(delivered_at=None, deliveries=0, due_at=ago(100))


def late_schedule():
    Schedule.objects.create(name="s", task=tasks.nothing.module_path, cron="* * * * *", next_slot=ago(100))


def undeclared_death():
    add_process(beat_at=ago(200))


@pytest.mark.parametrize("evidence", [late_job, late_schedule, undeclared_death])
def test_silent_dispatchers_are_known_by_what_they_leave_undone(ask_site, evidence):
    evidence()

    assert ask_site() == (503, {"status": "bad", "reasons": ["No dispatcher acts on what is due."]})


@pytest.mark.parametrize("changes", [{"paused_at": ago(5)}, {"fault": "no such task"}])
def test_a_schedule_that_does_not_fire_for_a_reason_is_none(ask_site, changes):
    late_schedule()
    Schedule.objects.update(**changes)

    assert ask_site()[0] == 200


def test_the_sites_answer_is_good_for_a_moment(django_assert_max_num_queries, monkeypatch):
    monkeypatch.setattr(its_health, "_site", asking.Recent(its_health._site._find, 60))
    looks = []
    monkeypatch.setattr(
        its_health._site_question,
        "_question",
        lambda: looks.append(time.monotonic()) or Verdict(Health.OK),
    )

    for _ in range(5):
        assert site_health(RequestFactory().get("/health")).status_code == 200

    assert len(looks) == 1

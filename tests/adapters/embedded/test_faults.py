"""What survives the sudden death of a process. Effects are counted from outside, in files."""

import signal
import subprocess
import time
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.db.models import F

from taskyard import enqueue_many
from taskyard.models import Job
from taskyard.states import JobState
from taskyard_workers import rescue
from taskyard_workers.dispatcher import Dispatcher
from taskyard_workers.models import WorkerProcess
from tests.example import tasks
from tests.support.servers import require, wait_until


@pytest.mark.slow
def test_the_job_of_a_killed_worker_is_finished_by_another_within_a_minute(start, effects):
    result = tasks.leave_slowly.enqueue("job", 3600)
    victim = start("worker")
    wait_until(effects, "it runs")
    Job.objects.filter(pk=result.id).update(args=["job", 0.1])
    rescuer = start("worker")
    rescuer.wait_for_log("is ready")

    victim.kill()
    killed_at = time.monotonic()

    wait_until(lambda: len(effects()) == 3, "it ran again, to its end", 60)
    assert time.monotonic() - killed_at < 60
    wait_until(lambda: tasks.leave_slowly.get_result(result.id).is_finished, "its outcome is recorded")
    outcome = tasks.leave_slowly.get_result(result.id)
    assert outcome.status == "SUCCESSFUL"
    assert outcome.attempts == 2
    assert [error.exception_class_path for error in outcome.errors] == ["taskyard.exceptions.WorkerLost"]


@pytest.mark.slow
def test_a_frozen_workers_late_outcome_is_refused(start, effects):
    result = tasks.leave_slowly.enqueue("job", 50)
    frozen = start("worker")
    wait_until(effects, "it runs")
    frozen.signal(signal.SIGSTOP)
    Job.objects.filter(pk=result.id).update(args=["job", 0.1])
    start("worker")

    wait_until(lambda: tasks.leave_slowly.get_result(result.id).is_finished, "it ran elsewhere", 70)
    by_rescuer = Job.objects.values().get(pk=result.id)
    frozen.signal(signal.SIGCONT)

    frozen.wait_for_log("was refused", 90)
    frozen.wait_for_log("declared lost", 30)
    assert Job.objects.values().get(pk=result.id) == by_rescuer
    wait_until(lambda: frozen.log.count("is ready") == 2, "it starts afresh", 60)


def test_a_rolled_back_transaction_leaves_nothing(script, start, effects):
    ended = script(
        "from django.db import transaction\n"
        "from tests.example import tasks\n"
        "try:\n"
        "    with transaction.atomic():\n"
        "        tasks.leave.enqueue('never')\n"
        "        raise RuntimeError('rolled back')\n"
        "except RuntimeError as error:\n"
        "    print(error)\n"
    )
    assert ended.stdout == "rolled back\n", ended.stderr

    worker = start("worker", "--burst")

    assert worker.ended() == 0, worker.log
    assert not Job.objects.exists()
    assert effects() == []


def test_a_process_killed_in_its_transaction_leaves_nothing(script, start, effects):
    ended = script(
        "import os, signal\n"
        "from django.db import transaction\n"
        "from tests.example import tasks\n"
        "with transaction.atomic():\n"
        "    tasks.leave.enqueue('never')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert ended.returncode == -signal.SIGKILL

    worker = start("worker", "--burst")

    assert worker.ended() == 0, worker.log
    wait_until(lambda: not Job.objects.exists(), "the database has noticed")
    assert effects() == []


@pytest.mark.parametrize("alias", ["default", "leased"])
def test_a_process_killed_between_commit_and_delivery_loses_nothing(script, alias):
    ended = script(
        "import os, signal\n"
        "from django.db import transaction\n"
        "from tests.example import tasks\n"
        "from taskyard.compat import task_backends\n"
        f"backend = type(task_backends[{alias!r}])\n"
        "def deliver(self, batch):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "backend.deliver = deliver\n"
        "with transaction.atomic():\n"
        f"    tasks.leave.using(backend={alias!r}).enqueue('safe')\n"
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr

    [job] = Job.objects.all()
    assert job.state == JobState.READY
    assert job.backend == alias


def test_what_was_committed_but_not_delivered_runs(script, start, effects):
    test_a_process_killed_between_commit_and_delivery_loses_nothing(script, "default")

    worker = start("worker", "--burst")

    assert worker.ended() == 0, worker.log
    assert effects() == ["safe"]


@pytest.mark.busy
def test_ten_thousand_jobs_run_exactly_once_each_in_two_processes(start, effects):
    enqueue_many(tasks.leave, [(str(number),) for number in range(10_000)])

    worker = start("worker", "--burst", "--processes", "2")

    assert worker.ended(600) == 0, worker.log
    assert sorted(effects(), key=int) == [str(number) for number in range(10_000)]
    assert set(Job.objects.values_list("state", flat=True)) == {"SUCCESSFUL"}
    assert not Job.objects.exclude(attempts=[]).exists(), "no attempt has failed or was lost"
    assert len(set(Job.objects.values_list("worker", flat=True))) == 2
    assert "locked" not in worker.log


def test_several_processes_on_one_database_are_never_locked_out(start, script, effects):
    workers = [start("worker") for _ in range(3)]
    for worker in workers:
        worker.wait_for_log("is ready")

    ended = script(
        "from django.db import transaction\n"
        "from tests.example import tasks\n"
        "from taskyard.models import Job\n"
        "for number in range(300):\n"
        "    with transaction.atomic():\n"
        "        Job.objects.count()\n"  # a read first, which a deferred transaction could not upgrade
        "        tasks.leave.enqueue(str(number))\n"
    )

    assert ended.returncode == 0, ended.stderr
    wait_until(lambda: len(effects()) == 300, "all ran")
    assert sorted(effects(), key=int) == [str(number) for number in range(300)]
    for worker in workers:
        assert "locked" not in worker.log


def test_a_job_that_kills_its_worker_is_given_up_in_the_end(start, effects):
    result = tasks.die.enqueue()
    for _ in range(4):
        worker = start("worker", "--concurrency", "1")
        assert worker.ended() == -signal.SIGKILL
        _let_time_pass(timedelta(minutes=2))
        rescue.declare_lost()
        assert rescue.rescue_orphans() == 1
        Dispatcher().run_once()

    outcome = tasks.die.get_result(result.id)
    assert outcome.status == "FAILED"
    assert outcome.attempts == 4


def _let_time_pass(span):
    """Move the past away: what matters to the rescue is how long ago the signs of life are."""
    WorkerProcess.objects.update(beat_at=F("beat_at") - span)
    Job.objects.filter(state=JobState.RUNNING).update(last_attempted_at=F("last_attempted_at") - span)


def test_a_workers_clock_an_hour_off_changes_nothing(start, effects, monkeypatch):
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has no clock of its own: it is part of the worker's process")
    faketime = require("faketime", "faketime")
    given = subprocess.run([faketime, "-f", "+1h", "env"], capture_output=True, text=True, check=True).stdout
    [library] = [line.split("=", 1)[1] for line in given.splitlines() if line.startswith("LD_PRELOAD=")]
    monkeypatch.setenv("FAKETIME", "+1h")
    monkeypatch.setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1")
    result = tasks.leave.enqueue("on time")
    failing = tasks.fail.enqueue()
    with monkeypatch.context() as patch:
        patch.setenv("LD_PRELOAD", library)
        worker = start("worker", "--burst")

    assert worker.ended() == 0, worker.log
    for task, each in ((tasks.leave, result), (tasks.fail, failing)):
        outcome = task.get_result(each.id)
        assert abs((outcome.finished_at - outcome.enqueued_at).total_seconds()) < 60
    [entry] = Job.objects.get(pk=failing.id).attempts
    ended_at = datetime.fromisoformat(entry["ended_at"])
    assert abs((tasks.fail.get_result(failing.id).finished_at - ended_at).total_seconds()) < 60

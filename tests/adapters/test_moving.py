"""Changing the engine under load: both fleets run, jobs keep coming, and every one runs; counted from outside."""

import io
import json
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db.models import F

from taskyard import enqueue_many
from taskyard.models import Job
from taskyard.states import JobState
from taskyard_workers.membership import DEATH
from taskyard_workers.models import WorkerProcess
from tests.example.tasks import leave, leave_slowly
from tests.settings import QUEUES
from tests.support.processes import ROOT, environment
from tests.support.servers import wait_until

OLD, NEW = "old", "new"

ENGINES = {
    "embedded": ("embedded.EmbeddedBackend", None),
    "celery": ("celery.CeleryBackend", "redis"),
    "arq": ("arq.ArqBackend", "redis"),
    "dramatiq": ("dramatiq.DramatiqBackend", "rabbitmq"),
}

AT_FIRST, STEADILY = 100, 150
"""Jobs that wait when the test begins, and that come while it runs."""

SECONDS = 0.3
"""A job takes so long: more than the old fleet can do before the rest is moved."""

STEADY = """
import django, sys, time
django.setup()
from tests.example.tasks import leave_slowly
task = leave_slowly.using(backend={alias!r}, queue_name="reports")
for number in range({number}):
    task.enqueue(f"steady-{{number}}", {seconds})
    time.sleep(0.005)
"""


@pytest.fixture
def backend(request, add_backend, effects):
    """Add a backend: `backend("old", "celery")`."""

    def add(alias, engine):
        path, broker = ENGINES[engine]
        options = {}
        if broker is not None:
            server = request.getfixturevalue(f"{broker}_server")
            options = {"BROKER_URL": server.address, "PREFIX": f"m{uuid4().hex[:12]}"}
        parameters = {"BACKEND": f"taskyard_adapters.{path}", "QUEUES": QUEUES, "OPTIONS": options}
        add_backend(alias, parameters)

    return add


@contextmanager
def steady(folder, alias):
    """Enqueue `STEADILY` many jobs, one after the other, from a process of its own while the block runs."""
    script = STEADY.format(alias=alias, number=STEADILY, seconds=SECONDS)
    log = (folder / "enqueueing.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", script],
        env=environment(folder),
        cwd=ROOT,
        stdout=log,
        stderr=log,
    )
    try:
        yield process
        assert process.wait(60) == 0, (folder / "enqueueing.log").read_text()
    finally:
        process.kill()
        log.close()


def backlog(alias):
    """Enqueue `AT_FIRST` many jobs."""
    on_backend = leave_slowly.using(backend=alias, queue_name="reports")
    enqueue_many(on_backend, [(f"first-{number}", SECONDS) for number in range(AT_FIRST)])


def lines():
    """Return what identifies the jobs of a backlog and of a steady process."""
    return {f"first-{n}" for n in range(AT_FIRST)} | {f"steady-{n}" for n in range(STEADILY)}


def move(*arguments):
    """Move jobs from the old backend to the new one, and return what the command tells."""
    output = io.StringIO()
    call_command("jobs", "move", "--from", OLD, "--to", NEW, "--yes", "--json", *arguments, stdout=output)
    return json.loads(output.getvalue())


def runs(effects):
    """Return which process began each job, by the job's line: `{"7": ["4711"]}`."""
    found = {}
    for line in effects():
        name, what, pid = line.split()
        if what == "started":
            found.setdefault(name, []).append(pid)
    return found


def finished(effects):
    return Counter(line.split()[0] for line in effects() if " finished " in line)


def all_are_done():
    return not Job.objects.filter(state__in=[JobState.READY, JobState.RUNNING]).exists()


def let_its_heartbeat_run_out(pid):
    """Let the time pass after which a dead worker's jobs are rescued."""
    ago = timedelta(seconds=DEATH + 15)
    [dead] = WorkerProcess.objects.filter(pid=pid)
    WorkerProcess.objects.filter(pk=dead.pk).update(beat_at=F("beat_at") - ago)
    Job.objects.filter(state=JobState.RUNNING, worker=dead.pk).update(
        last_attempted_at=F("last_attempted_at") - ago
    )


@pytest.mark.slow
def test_from_celery_to_arq_while_jobs_keep_coming_and_a_worker_is_killed(backend, start, effects, tmp_path):
    backend(OLD, "celery")
    backend(NEW, "arq")
    olds = [start("worker", "--backend", OLD, "--concurrency", "2") for _ in range(2)]
    new = start("worker", "--backend", NEW, "--concurrency", "8")
    for worker in (*olds, new):
        worker.wait_for_log("is ready")
    victim = olds[0]
    backlog(OLD)

    with steady(tmp_path, OLD):
        killed = str(victim.process.pid)
        wait_until(
            lambda: killed in {pid for pids in runs(effects).values() for pid in pids}, "it is at work"
        )
        assert move("--queue", "reports")["jobs"] > 0
        victim.kill()
        let_its_heartbeat_run_out(victim.process.pid)
        # What the rescue brings back, and what keeps coming to the old backend.
        moving = start("jobs", "move", "--from", OLD, "--to", NEW, "--wait", "--yes", "--json")

    assert moving.ended(60) == 0, moving.log
    told = move("--wait")  # what came since the process ended
    wait_until(all_are_done, "all jobs are done", 60)
    assert (told["waiting"], told["running"]) == (0, 0)
    assert set(finished(effects)) == lines(), "every job has run"
    begun = runs(effects)
    doubled = {name for name, pids in begun.items() if len(pids) > 1}
    assert doubled <= {name for name, pids in begun.items() if killed in pids}, "only what was killed"
    assert len(doubled) <= 2, "as many as it had slots"
    assert str(new.process.pid) in {pid for pids in begun.values() for pid in pids}
    assert Job.objects.filter(state=JobState.SUCCESSFUL).count() == len(lines())


@pytest.mark.slow
def test_from_embedded_to_dramatiq_by_half_first_and_then_the_rest(
    backend, add_backend, start, effects, tmp_path
):
    backend(OLD, "embedded")
    backend(NEW, "dramatiq")
    routes = {"ROUTES": [{"queue": "reports", "percent": 50, "to": NEW}], "ELSE": OLD}
    add_backend("routed", {"BACKEND": "taskyard.routing.RoutingBackend", "OPTIONS": routes})
    old = start("worker", "--backend", OLD, "--concurrency", "1")
    new = start("worker", "--backend", NEW, "--concurrency", "8")
    for worker in (old, new):
        worker.wait_for_log("is ready")
    backlog("routed")

    with steady(tmp_path, "routed"):
        wait_until(lambda: len(set(map(tuple, runs(effects).values()))) == 2, "both are at work")
        assert move()["jobs"] > 0
        moving = start("jobs", "move", "--from", OLD, "--to", NEW, "--wait", "--yes", "--json")

    assert moving.ended(60) == 0, moving.log
    told = move("--wait")  # what came since the process ended
    assert (told["waiting"], told["running"]) == (0, 0)
    wait_until(all_are_done, "all jobs are done", 60)
    assert finished(effects) == dict.fromkeys(lines(), 1), "every job has run, and once"
    assert Counter(map(len, runs(effects).values())) == {1: len(lines())}


def test_a_backend_that_gets_another_engine_runs_what_waited_for_the_old_one(backend, start, effects):
    """One line in TASKS, the old workers stopped: no command is needed."""
    backend("shop", "embedded")
    for number in range(5):
        leave.using(backend="shop").enqueue(str(number))
    assert not Job.objects.filter(delivered_at=None).exists()

    backend("shop", "arq")
    worker = start("worker", "--backend", "shop")

    wait_until(all_are_done, "all jobs are done", 60)
    assert sorted(effects()) == ["0", "1", "2", "3", "4"]
    assert "5 jobs were delivered to arq (backend 'shop') and its queue is empty" in worker.log


def test_a_message_that_the_old_broker_still_holds_is_dropped(backend, start, effects):
    backend(OLD, "celery")
    backend(NEW, "embedded")
    moved = leave.using(backend=OLD).enqueue("moved")
    leave.using(backend=OLD).enqueue("stays")

    mover = start("jobs", "move", moved.id, "--from", OLD, "--to", NEW, "--yes")
    assert mover.ended() == 0, mover.log
    old = start("worker", "--backend", OLD, "--burst")

    assert old.ended() == 0, old.log
    assert effects() == ["stays"]
    new = start("worker", "--backend", NEW, "--burst")
    assert new.ended() == 0, new.log
    assert effects() == ["stays", "moved"]
    assert Job.objects.filter(state=JobState.SUCCESSFUL, attempt=1).count() == 2

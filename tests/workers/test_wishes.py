"""What operators ask of workers through the register: to be quiet, to wake, to stop for good."""

import json
import signal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

import taskyard
from taskyard.backend import WorkerOptions
from taskyard.compat import task_backends
from taskyard.models import AuditEntry, Job
from taskyard_workers import fleet
from taskyard_workers.membership import Membership
from taskyard_workers.models import WorkerProcess
from tests.example import tasks
from tests.support.servers import wait_until
from tests.tasks.jobs import PAST


def add_process(name, **columns):
    now = timezone.now()
    usual = {"name": name, "backend": "default", "host": "here", "pid": 1, "concurrency": 4}
    return WorkerProcess.objects.create(
        **{**usual, "id": f"{name}.1", "started_at": now, "beat_at": now, "group": "g", **columns}
    )


def wishes():
    return dict(WorkerProcess.objects.values_list("name", "wish"))


def processes():
    return list(WorkerProcess.objects.filter(lost_at=None).order_by("pid"))


# --- asking ---


@pytest.mark.django_db
def test_the_living_are_asked_and_counted():
    for name in ("ada", "bob", "cleo"):
        add_process(name)
    add_process("dan", lost_at=PAST)

    assert fleet.quiet(["ada.1", "bob.1", "dan.1", "nobody"]) == 2
    assert fleet.quiet(["ada.1"]) == 0, "it is quiet already"
    assert fleet.stop(["bob.1", "cleo.1"]) == 2
    assert fleet.quiet(["bob.1"]) == 0, "who is to stop stays stopped"
    assert fleet.wake(["ada.1", "bob.1", "cleo.1"]) == 1

    assert wishes() == {"ada": "", "bob": "stop", "cleo": "stop", "dan": ""}


@pytest.mark.django_db
def test_what_a_lost_process_was_asked_is_not_shown():
    add_process("ada", wish="quiet", lost_at=PAST)

    assert [status.wish for status in fleet.worker_statuses()] == [""]


# --- the command ---


@pytest.fixture
def manage(db):
    def run(*arguments):
        output = StringIO()
        call_command("workers", *arguments, stdout=output)
        return output.getvalue()

    return run


def test_workers_are_named_by_id_name_or_group(manage):
    for name, group in (("ada", "g"), ("bob", "g"), ("cleo", "h"), ("dan", "i")):
        add_process(name, group=group)

    assert manage("quiet", "g", "cleo") == "3 processes will claim no more.\n"
    assert manage("wake", "ada.1") == "1 process will claim again.\n"
    assert manage("stop", "--all", "--reason", "upgrade") == "4 processes will stop.\n"

    assert set(wishes().values()) == {"stop"}
    found = list(AuditEntry.objects.order_by("pk").values_list("action", "subject", "count", "reason"))
    assert found == [
        ("quiet", "workers g, cleo", 3, ""),
        ("wake", "workers ada.1", 1, ""),
        ("stop", "all workers", 4, "upgrade"),
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("quiet",), "or say --all"), (("stop", "ada", "eve"), "No living worker is called ada, eve")],
)
def test_who_is_not_there_is_not_asked(manage, arguments, message):
    add_process("ada", lost_at=PAST)
    add_process("bob")

    with pytest.raises(CommandError, match=message):
        manage(*arguments)

    assert set(wishes().values()) == {""}


def test_the_list_shows_what_the_register_knows(manage):
    add_process("ada", wish="quiet", version="1.2.3", memory=64 * 1024 * 1024, claimed_at=timezone.now())

    table = manage("list")
    [shown] = [json.loads(line) for line in manage("list", "--json").splitlines()]

    for text in ("quiet", "1.2.3", "64.0\N{NO-BREAK SPACE}MB"):
        assert text in table
    assert (shown["wish"], shown["group"], shown["memory"]) == ("quiet", "g", 64 * 1024 * 1024)
    assert shown["claimed_at"]


# --- the register ---


@pytest.mark.django_db
def test_a_beat_tells_how_the_process_does():
    claims = []
    membership = Membership(
        task_backends["default"],
        WorkerOptions(name="ada"),
        lambda: None,
        latest_claim=lambda: claims[-1] if claims else None,
    )
    membership.join()
    try:
        row = WorkerProcess.objects.get()
        assert row.version == taskyard.__version__
        assert row.memory > 1024 * 1024
        assert row.claimed_at is None

        claims.append(PAST)
        membership.beat()

        assert WorkerProcess.objects.get().claimed_at == PAST
    finally:
        membership.leave()


@pytest.mark.django_db
def test_a_wish_is_told_once_and_told_again_when_it_changes():
    told = []
    membership = Membership(
        task_backends["default"], WorkerOptions(name="ada"), lambda: None, on_wish=told.append
    )
    membership.join()
    try:
        for wish in ("", "quiet", "quiet", "", "stop"):
            WorkerProcess.objects.update(wish=wish)
            membership.look_for_wish()
    finally:
        membership.leave()

    assert told == ["quiet", "", "stop"]


# --- real processes ---


def test_a_quiet_worker_ends_what_it_runs_and_claims_no_more_until_woken(start, effects):
    tasks.leave_slowly.enqueue("before", 4)
    worker = start("worker", "--concurrency", "2")
    wait_until(effects, "a job runs")
    [process] = processes()

    assert fleet.quiet([process.id]) == 1
    worker.wait_for_log("claims no more jobs")
    result = tasks.leave.enqueue("meanwhile")
    wait_until(lambda: len(effects()) == 2, "what ran has ended")
    assert not tasks.leave.get_result(result.id).is_finished
    assert [each.id for each in processes()] == [process.id], "it stays"

    assert fleet.wake([process.id]) == 1
    wait_until(lambda: "meanwhile" in effects(), "it claims again")
    worker.signal(signal.SIGTERM)
    assert worker.ended() == 0, worker.log


def test_a_worker_that_is_stopped_hands_in_its_jobs_and_ends(start, effects):
    tasks.leave_slowly.enqueue("job", 3)
    worker = start("worker")
    wait_until(effects, "the job runs")

    fleet.stop([process.id for process in processes()])

    assert worker.ended() == 0, worker.log
    assert Job.objects.get().state == "SUCCESSFUL"
    assert not WorkerProcess.objects.exists()


def test_a_supervisor_does_not_start_again_what_an_operator_has_stopped(start):
    worker = start("worker", "--processes", "2")
    wait_until(lambda: len(processes()) == 2, "both are registered", 60)
    first, second = processes()
    assert first.group == second.group != ""

    fleet.stop([first.id])
    worker.wait_for_log("was stopped for good")
    wait_until(lambda: len(processes()) == 1, "one has left")
    result = tasks.nothing.enqueue()
    wait_until(lambda: tasks.nothing.get_result(result.id).is_finished, "the other goes on")
    assert [each.id for each in processes()] == [second.id]
    assert worker.log.count("Worker process 1 started") == 1

    fleet.stop([second.id])
    assert worker.ended() == 0, worker.log


def test_a_stopped_process_that_cuts_off_its_jobs_says_so(start, effects):
    worker = start("worker", "--processes", "2", "--grace", "0")
    wait_until(lambda: len(processes()) == 2, "both are registered", 60)
    tasks.sit_in_c.enqueue("deaf")  # it is found stuck five seconds after its timeout, and no sooner
    wait_until(effects, "the job runs")

    fleet.stop([process.id for process in processes()])

    assert worker.ended() == 3, worker.log

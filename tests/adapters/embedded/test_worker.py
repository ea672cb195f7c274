"""The embedded engine's worker as people run it: a real process on a real database."""

import signal

import pytest
from django.db import connection

from taskyard import enqueue_many
from taskyard.models import Job
from taskyard.states import JobState
from taskyard.testing.conformance.tasks import FOLDER, wait_for_test, wait_for_test_async
from taskyard_workers.models import WorkerProcess
from tests.example import tasks
from tests.support.processes import ROOT
from tests.support.servers import wait_until


@pytest.fixture
def go_on(tmp_path, monkeypatch):
    """Let the tasks that wait for the test end."""
    monkeypatch.setenv(FOLDER, str(tmp_path))
    return (tmp_path / "go-on").touch


def states():
    return sorted(Job.objects.values_list("state", flat=True))


def all_finished():
    return not Job.objects.filter(state__in=[JobState.READY, JobState.RUNNING]).exists()


def test_burst_runs_what_waits_and_exits(start, effects):
    tasks.leave.enqueue("one")
    tasks.add_async.enqueue(1, 2)

    worker = start("worker", "--burst")

    assert worker.ended() == 0, worker.log
    assert effects() == ["one"]
    assert states() == ["SUCCESSFUL", "SUCCESSFUL"]
    assert not WorkerProcess.objects.exists(), "it signed off"


def test_burst_runs_what_jobs_enqueue(start, effects):
    tasks.enqueue_another.enqueue("child")

    worker = start("worker", "--burst")

    assert worker.ended() == 0, worker.log
    assert effects() == ["child"]


def test_a_waiting_worker_picks_up_new_jobs(start, effects):
    worker = start("worker")
    worker.wait_for_log("is ready")

    result = tasks.leave.enqueue("hello")

    wait_until(lambda: effects() == ["hello"], "the job ran")
    wait_until(lambda: tasks.leave.get_result(result.id).is_finished, "its outcome is recorded")


def test_a_deferred_job_runs_when_its_time_has_come(start, effects):
    from datetime import timedelta

    from django.utils import timezone

    worker = start("worker")
    worker.wait_for_log("is ready")
    soon = timezone.now() + timedelta(seconds=1.5)

    result = tasks.leave.using(run_after=soon).enqueue("later")

    wait_until(lambda: tasks.leave.get_result(result.id).is_finished, "the job ran")
    assert tasks.leave.get_result(result.id).started_at >= soon


def test_a_pool_that_is_made_for_requests_holds_up_no_worker(start, effects, monkeypatch):
    if connection.vendor != "postgresql":
        pytest.skip("only PostgreSQL's driver has a pool")
    monkeypatch.setenv("TASKYARD_TEST_POOL", "2")
    enqueue_many(tasks.leave, [(str(number),) for number in range(30)])

    worker = start("worker", "--burst", "--concurrency", "8")

    assert worker.ended() == 0, worker.log
    assert sorted(effects()) == sorted(map(str, range(30)))
    assert states() == ["SUCCESSFUL"] * 30


def test_higher_priority_runs_first(start, effects):
    for priority in (0, -100, 50, 100, -5):
        tasks.important.using(priority=priority).enqueue(str(priority))

    worker = start("worker", "--burst", "--concurrency", "1")

    assert worker.ended() == 0, worker.log
    assert effects() == ["100", "50", "0", "-5", "-100"]


def test_a_worker_of_some_queues_leaves_the_others(start, effects):
    tasks.leave.enqueue("default")
    tasks.leave.using(queue_name="mail").enqueue("mail")
    tasks.leave.using(queue_name="reports").enqueue("reports")

    worker = start("worker", "--burst", "--queues", "mail,reports")

    assert worker.ended() == 0, worker.log
    assert sorted(effects()) == ["mail", "reports"]


def test_async_tasks_run_side_by_side(start, effects, go_on):
    enqueue_many(wait_for_test_async, [(f"job {number}",) for number in range(5)])

    worker = start("worker", "--burst", "--concurrency", "5")

    wait_until(lambda: len(effects()) == 5, "all of them run, and none has ended")
    go_on()
    assert worker.ended() == 0, worker.log
    assert len(effects()) == 10


def test_no_more_tasks_run_at_once_than_there_are_slots(start, effects):
    enqueue_many(tasks.leave_slowly, [(f"job {number}", 1.0) for number in range(4)])

    worker = start("worker", "--burst", "--concurrency", "2")

    assert worker.ended() == 0, worker.log
    running = most = 0
    for line in effects():
        running += 1 if "started" in line else -1
        most = max(most, running)
    assert most == 2


def test_a_failing_job_harms_no_other(start, effects):
    failing = tasks.fail.enqueue("broken pipe")
    exiting = tasks.exit_process.enqueue()
    tasks.leave.enqueue("fine")

    worker = start("worker", "--burst", "--concurrency", "1")

    assert worker.ended() == 0, worker.log
    assert effects() == ["fine"]
    assert "broken pipe" in tasks.fail.get_result(failing.id).errors[0].traceback
    assert tasks.exit_process.get_result(exiting.id).errors[0].exception_class is SystemExit


@pytest.mark.parametrize("task", [tasks.run_over, tasks.run_over_async], ids=["sync", "async"])
def test_a_timeout_ends_the_task(start, effects, task):
    result = task.enqueue()
    tasks.leave.enqueue("next")

    worker = start("worker", "--burst", "--concurrency", "1")

    assert worker.ended() == 0, worker.log
    [error] = task.get_result(result.id).errors
    assert error.exception_class_path == "taskyard.exceptions.JobTimeout"
    assert effects() == ["next"]


@pytest.mark.slow
def test_a_task_that_cannot_be_interrupted_has_its_process_replaced(start, effects):
    result = tasks.sit_in_c.enqueue("try")

    worker = start("worker", "--grace", "1")
    pid = worker.process.pid

    wait_until(lambda: tasks.sit_in_c.get_result(result.id).is_finished, "the second attempt ended", 90)
    assert effects() == ["try", "try"]
    assert tasks.sit_in_c.get_result(result.id).status == "SUCCESSFUL"
    assert "does not react to its timeout" in worker.log
    assert worker.process.pid == pid
    assert worker.process.poll() is None


def test_sigterm_lets_running_jobs_finish(start, effects, go_on):
    wait_for_test.enqueue("sync")
    wait_for_test_async.enqueue("async")
    worker = start("worker")
    wait_until(lambda: len(effects()) == 2, "both run")

    worker.signal(signal.SIGTERM)
    worker.wait_for_log("Waiting up to")
    tasks.leave.enqueue("too late")
    go_on()

    assert worker.ended() == 0, worker.log
    assert len([line for line in effects() if "finished" in line]) == 2
    assert states() == ["READY", "SUCCESSFUL", "SUCCESSFUL"]
    assert not WorkerProcess.objects.exists()


def test_what_outlasts_the_grace_time_is_handed_back_uncounted(start, effects):
    sync = tasks.leave_slowly.enqueue("sync", 60)
    async_ = tasks.leave_slowly_async.enqueue("async", 60)
    worker = start("worker", "--grace", "0.3")
    wait_until(lambda: len(effects()) == 2, "both run")

    worker.signal(signal.SIGTERM)

    assert worker.ended() == 0, worker.log
    assert states() == ["READY", "READY"]
    assert tasks.leave_slowly.get_result(sync.id).attempts == 0
    assert tasks.leave_slowly_async.get_result(async_.id).errors == []
    assert "handed back" in worker.log


def test_a_second_signal_stops_at_once(start, effects):
    tasks.leave_slowly.enqueue("long", 3600)
    worker = start("worker", "--grace", "3600")
    wait_until(effects, "it runs")

    worker.signal(signal.SIGINT)
    worker.wait_for_log("Waiting up to")
    worker.signal(signal.SIGINT)

    assert worker.ended() == 0, worker.log
    assert states() == ["READY"]


def test_a_task_that_cannot_be_stopped_is_cut_off_and_says_so(start, effects):
    result = tasks.sit_in_c.using().enqueue("try")
    worker = start("worker", "--grace", "0")
    wait_until(effects, "it runs")

    worker.signal(signal.SIGTERM)

    assert worker.ended() == 3, worker.log
    assert tasks.sit_in_c.get_result(result.id).status == "READY"


def test_several_processes_share_the_work(start, effects, go_on):
    enqueue_many(wait_for_test, [(f"job {number}",) for number in range(2)])

    worker = start("worker", "--burst", "--processes", "2", "--concurrency", "1")

    wait_until(lambda: len(effects()) == 2, "both run, where each process has one slot", 60)
    go_on()
    assert worker.ended() == 0, worker.log
    assert len(set(Job.objects.values_list("worker", flat=True))) == 2, "two processes"


def test_a_child_that_dies_is_started_again(start, effects):
    import os

    worker = start("worker", "--processes", "2")
    wait_until(lambda: WorkerProcess.objects.count() == 2, "both are registered", 60)
    victim = WorkerProcess.objects.order_by("id").first()

    os.kill(victim.pid, signal.SIGKILL)

    wait_until(lambda: WorkerProcess.objects.count() == 3, "a new one is registered")
    worker.signal(signal.SIGTERM)
    assert worker.ended() == 0, worker.log


def test_a_signal_to_the_whole_group_ends_cleanly(start, effects):
    import os

    tasks.leave_slowly.enqueue("job", 1.0)
    worker = start("worker", "--processes", "2")
    wait_until(effects, "it runs")
    wait_until(lambda: WorkerProcess.objects.count() == 2, "both are registered", 60)

    os.killpg(worker.process.pid, signal.SIGTERM)

    assert worker.ended() == 0, worker.log
    assert len(effects()) == 2
    assert states() == ["SUCCESSFUL"]


def test_no_orphan_goes_on_when_the_parent_is_killed(start, effects):
    worker = start("worker", "--processes", "2")
    wait_until(lambda: WorkerProcess.objects.count() == 2, "both are registered", 60)

    worker.signal(signal.SIGKILL)

    wait_until(lambda: not WorkerProcess.objects.exists(), "the children signed off")
    tasks.leave.enqueue("nobody is there")
    assert effects() == []


def test_a_process_is_replaced_after_so_many_jobs(start, effects):
    enqueue_many(tasks.leave_slowly, [(f"job {number}", 0.0) for number in range(6)])

    worker = start("worker", "--burst", "--max-jobs", "2", "--concurrency", "1")

    assert worker.ended(120) == 0, worker.log  # it starts four times, one after the other
    assert len(effects()) == 12
    assert worker.log.count("it has run 2 jobs") == 3
    assert len(set(Job.objects.values_list("worker", flat=True))) == 3


def test_a_process_that_holds_too_much_memory_is_replaced(start, effects):
    worker = start("worker", "--max-memory", "1")

    worker.wait_for_log("over the limit of 1")


def test_a_change_of_code_replaces_the_process_once_its_jobs_are_done(start, effects, tmp_path):
    tasks.leave_slowly.enqueue("job", 3.0)
    worker = start("worker", "--autoreload")
    wait_until(effects, "it runs")

    touch_until_noticed = ROOT / "tests" / "example" / "tasks.py"
    wait_until(lambda: touch_until_noticed.touch() or "its code has changed" in worker.log, "it was noticed")

    wait_until(lambda: worker.log.count("is ready") == 2, "a fresh process is ready")
    assert len(effects()) == 2
    worker.signal(signal.SIGTERM)
    assert worker.ended() == 0, worker.log


def test_progress_is_seen_while_the_job_runs(start):
    from taskyard import get_progress

    result = tasks.report_and_wait.enqueue(3, 10)
    start("worker")

    seen = wait_until(lambda: get_progress(result.id), "progress is written")

    assert (seen.done, seen.total, seen.message) == (3, 10, "so far")
    assert tasks.report_and_wait.get_result(result.id).status == "RUNNING"


def test_two_workers_of_one_name_run_each_job_once(start, effects):
    first = start("worker", "--name", "twin")
    first.wait_for_log("is ready")
    second = start("worker", "--name", "twin")
    second.wait_for_log("is called 'twin'")
    second.wait_for_log("is ready")

    enqueue_many(tasks.leave, [(str(number),) for number in range(50)])

    wait_until(all_finished, "all ran")
    assert sorted(effects(), key=int) == [str(number) for number in range(50)]


def test_a_missing_table_is_explained(start, effects, django_db_blocker):
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE taskyard_workers_workerprocess RENAME TO hidden")
    try:
        worker = start("worker")
        assert worker.ended() == 1
        assert "manage.py migrate" in worker.log
        assert "Traceback" not in worker.log
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE hidden RENAME TO taskyard_workers_workerprocess")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--backend", "nowhere"], "nowhere"),
        (["--queues", "nosuch"], "has no queue nosuch"),
        (["--concurrency", "0"], "no whole number above 0"),
        (["--grace", "soon"], "no number of seconds"),
    ],
    ids=["backend", "queue", "concurrency", "grace"],
)
def test_wrong_arguments_are_explained(start, arguments, said):
    worker = start("worker", *arguments)

    assert worker.ended() in {1, 2}
    assert said in worker.log
    assert "Traceback" not in worker.log

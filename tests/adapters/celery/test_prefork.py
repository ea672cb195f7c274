"""Forked children do what every worker does, and their parent brings them to their end."""

import os
import signal
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection

from taskyard import enqueue_many, get_result
from taskyard.models import Job
from taskyard.testing import conformance
from taskyard.testing.conformance import TestRescue, tasks  # noqa: F401
from taskyard_workers.models import WorkerProcess
from tests.adapters import scenarios
from tests.adapters.celery.conftest import BACKEND
from tests.adapters.scenarios import ready
from tests.support.servers import wait_until


@pytest.fixture
def engine(make_engine, broker):
    return make_engine(BACKEND, broker=broker, POOL="prefork")


class TestExecution(conformance.TestExecution):
    @pytest.fixture
    def broker(self):
        """One is enough: what a child does with a job does not depend on where its parent got it from."""
        return "redis"


class TestShutdown(conformance.TestShutdown):
    test_nobody_goes_on_when_the_parent_is_killed = None  # it counts processes: see below


class TestEnding(scenarios.Ending):
    test_nobody_consumes_once_the_parent_is_killed = None


class TestBrokerFaults(scenarios.BrokerTrouble):
    def test_nobody_waits_for_a_child_that_died_before_the_broker_was_there(self, engine):
        engine.broker.stop()
        worker = ready(engine, "--concurrency", "2")
        child = wait_until(children().first, "a child is registered")
        os.kill(child.pid, signal.SIGKILL)

        worker.terminate()

        assert worker.ended() == 3, worker.log
        assert "do not end" not in worker.log, "nobody waited for it"

    def test_a_signal_to_a_child_that_does_not_listen_yet_is_no_fault(self, engine):
        engine.broker.stop()
        worker = engine.worker("--concurrency", "2")
        parent = worker.process.pid
        listed = Path(f"/proc/{parent}/task/{parent}/children")
        child = wait_until(listed.read_text, "there is a child").split()[-1]

        os.kill(int(child), signal.SIGTERM)
        worker.terminate()

        assert worker.ended() == 0, worker.log


def children():
    return WorkerProcess.objects.filter(lost_at=None)


@pytest.fixture
def rename_register():
    """Have the workers' register out of reach for as long as a block runs."""

    @contextmanager
    def rename():
        table = WorkerProcess._meta.db_table
        with connection.schema_editor() as editor:
            editor.alter_db_table(WorkerProcess, table, f"{table}_away")
        try:
            yield
        finally:
            with connection.schema_editor() as editor:
                editor.alter_db_table(WorkerProcess, f"{table}_away", table)

    return rename


def test_each_child_is_in_the_register_and_runs_one_job_at_a_time(engine):
    enqueue_many(engine.on(tasks.wait_for_test), [(str(number),) for number in range(5)])
    worker = ready(engine, "--concurrency", "3")

    wait_until(lambda: len(engine.effects()) == 3, "three run")

    processes = list(children())
    assert len(processes) == 3
    assert {each.concurrency for each in processes} == {1}
    assert worker.process.pid not in {each.pid for each in processes}
    assert set(Job.objects.filter(state="RUNNING").values_list("worker", flat=True)) == {
        each.id for each in processes
    }
    engine.go_on()
    engine.finish()


@pytest.mark.slow
def test_a_killed_child_is_replaced_and_its_job_runs_again_while_others_go_on(engine):
    results = enqueue_many(engine.on(tasks.wait_for_test), [("one",), ("other",)])
    worker = engine.worker("--concurrency", "2")
    wait_until(lambda: len(engine.effects()) == 2, "both run")
    before = {each.pid for each in children()}
    holder = WorkerProcess.objects.get(pk=Job.objects.get(pk=results[0].id).worker)

    os.kill(holder.pid, signal.SIGKILL)

    wait_until(lambda: {each.pid for each in children()} - before, "another takes its place")
    engine.go_on()
    engine.finish(75)
    assert [get_result(result.id).attempts for result in results] == [2, 1]
    assert sorted(engine.effects()) == [
        "one finished",
        *["one started"] * 2,
        "other finished",
        "other started",
    ]
    worker.terminate()
    assert worker.ended() == 0, worker.log


def test_children_that_cannot_start_are_replaced_without_haste(engine, rename_register):
    worker = ready(engine, "--concurrency", "1")
    [child] = wait_until(lambda: list(children()), "the child is registered")
    with rename_register():
        killed_at = time.monotonic()
        os.kill(child.pid, signal.SIGKILL)
        wait_until(lambda: worker.log.count("another takes its place") >= 3, "three have tried")
        assert time.monotonic() - killed_at > 2

    engine.on(tasks.leave).enqueue("back to work")

    engine.finish()
    assert engine.effects() == ["back to work"]


@pytest.mark.slow
def test_a_child_that_does_not_end_is_killed_and_said_to_be_cut_off(engine):
    engine.on(tasks.wait_for_test).enqueue("job")
    worker = engine.worker("--grace", "0", "--concurrency", "2")
    wait_until(engine.effects, "it runs")
    holder = WorkerProcess.objects.get(pk=Job.objects.get().worker)
    os.kill(holder.pid, signal.SIGSTOP)

    worker.terminate()

    assert worker.ended(60) == 3, worker.log


def test_a_child_that_reaches_its_limit_is_replaced(engine):
    enqueue_many(engine.on(tasks.leave), [(str(number),) for number in range(9)])
    engine.prolong_leases()

    worker = engine.worker("--burst", "--concurrency", "2", "--max-jobs", "2")

    assert worker.ended(90) == 0, worker.log
    assert sorted(engine.effects()) == [str(number) for number in range(9)]
    holders = list(Job.objects.values_list("worker", flat=True))
    assert max(holders.count(holder) for holder in holders) == 2
    assert "delivered once more" not in worker.log


def test_a_second_signal_stops_at_once(engine):
    engine.on(tasks.wait_for_test).enqueue("job")
    worker = engine.worker("--grace", "600")
    wait_until(engine.effects, "it runs")

    worker.terminate()
    worker.wait_for_log("Waiting up to")
    worker.terminate()

    assert worker.ended() == 0, worker.log
    assert scenarios.states() == ["READY"]


@pytest.mark.parametrize("processes", ["1", "2"], ids=["by itself", "under a supervisor"])
def test_nobody_goes_on_when_the_parent_is_killed(engine, processes):
    engine.on(tasks.wait_for_test).enqueue("job")
    worker = engine.worker("--concurrency", "3", "--processes", processes)
    wait_until(lambda: children().count() == 3 * int(processes), "all are registered", 90)
    wait_until(engine.effects, "one is at work")

    worker.process.kill()
    worker.process.wait(30)
    engine.go_on()

    def group_is_gone():
        try:
            os.killpg(worker.process.pid, 0)
        except ProcessLookupError:
            return True
        return False

    wait_until(group_is_gone, "the children are gone", 40)
    before = scenarios.depth(engine)
    engine.on(tasks.leave).enqueue("nobody is there")
    wait_until(lambda: scenarios.depth(engine) > before, "it has come")
    assert "nobody is there" not in engine.effects()


def test_programs_that_a_task_starts_hear_signals(engine):
    from tests.adapters.celery.site import terminate_a_program

    result = engine.on(terminate_a_program).enqueue()

    worker = engine.worker("--burst")

    assert worker.ended() == 0, worker.log
    assert get_result(result.id).return_value == -signal.SIGTERM

"""Forked children do what every worker does, and their parent brings them to their end."""

import os
import signal

import pytest

from taskyard import enqueue_many, get_result
from taskyard.models import Job
from taskyard.testing import conformance
from taskyard.testing.conformance import TestDuplicates, TestExecution, TestRescue, tasks  # noqa: F401
from taskyard_workers.models import WorkerProcess
from tests.adapters import scenarios
from tests.adapters.celery.conftest import BACKEND
from tests.adapters.scenarios import ready
from tests.support.servers import wait_until


@pytest.fixture
def engine(make_engine, broker):
    return make_engine(BACKEND, broker=broker, POOL="prefork")


class TestShutdown(conformance.TestShutdown):
    test_nobody_goes_on_when_the_parent_is_killed = None  # it counts processes: see below


class TestEnding(scenarios.Ending):
    test_nobody_consumes_once_the_parent_is_killed = None


class TestBrokerFaults(scenarios.BrokerTrouble):
    pass


def children():
    return WorkerProcess.objects.filter(lost_at=None)


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
def test_a_killed_child_is_replaced_and_its_job_runs_again(engine):
    result = engine.on(tasks.wait_for_test).enqueue("job")
    worker = engine.worker("--concurrency", "2")
    wait_until(engine.effects, "it runs")
    before = {each.pid for each in children()}
    holder = WorkerProcess.objects.get(pk=Job.objects.get().worker)

    os.kill(holder.pid, signal.SIGKILL)

    wait_until(lambda: {each.pid for each in children()} - before, "another takes its place")
    engine.go_on()
    engine.finish(75)
    assert (get_result(result.id).status, get_result(result.id).attempts) == ("SUCCESSFUL", 2)
    worker.terminate()
    assert worker.ended() == 0, worker.log


def test_a_child_that_reaches_its_limit_is_replaced(engine):
    enqueue_many(engine.on(tasks.leave), [(str(number),) for number in range(9)])

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
    worker = engine.worker("--concurrency", "3", "--processes", processes)
    wait_until(lambda: children().count() == 3 * int(processes), "all are registered")

    worker.process.kill()
    worker.process.wait(10)

    def group_is_gone():
        try:
            os.killpg(worker.process.pid, 0)
        except ProcessLookupError:
            return True
        return False

    wait_until(group_is_gone, "the children are gone", 40)
    engine.on(tasks.leave).enqueue("nobody is there")
    assert scenarios.depth(engine) == 1


def test_programs_that_a_task_starts_hear_signals(engine):
    from tests.adapters.celery.site import terminate_a_program

    result = engine.on(terminate_a_program).enqueue()

    worker = engine.worker("--burst")

    assert worker.ended() == 0, worker.log
    assert get_result(result.id).return_value == -signal.SIGTERM

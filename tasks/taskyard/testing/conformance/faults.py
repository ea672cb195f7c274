"""What survives: duplicates, dead processes, and a broker that stops, freezes or forgets."""

import os
import signal
import time

import pytest

from taskyard import enqueue_many, get_result
from taskyard.message import VERSION
from taskyard.models import Job
from taskyard.states import JobState
from taskyard.waiting import wait_until

from . import tasks
from .engine import EngineUnderTest

slow = pytest.mark.slow


class TestDuplicates:
    """The same job, delivered more often than it should be."""

    def test_five_deliveries_are_one_run(self, engine: EngineUnderTest) -> None:
        result = engine.on(tasks.leave).enqueue("once")
        for _ in range(4):
            engine.deliver_again(result.id)

        worker = engine.worker("--burst", "--concurrency", "4")

        assert worker.ended() == 0, worker.log
        assert engine.effects() == ["once"]
        assert get_result(result.id).attempts == 1

    def test_a_delivery_while_the_job_runs_is_dropped(self, engine: EngineUnderTest) -> None:
        result = engine.on(tasks.wait_for_test).enqueue("job")
        engine.worker("--concurrency", "4")
        wait_until(engine.effects, "it runs")

        engine.deliver_again(result.id, result.id)
        marker = engine.on(tasks.leave).enqueue("marker")
        wait_until(lambda: get_result(marker.id).is_finished, "what came after it ran")
        engine.go_on()

        engine.finish()
        assert engine.effects() == ["job started", "marker", "job finished"]

    def test_a_message_of_a_job_that_was_pruned_is_dropped(self, engine: EngineUnderTest) -> None:
        engine.on(tasks.leave).enqueue("pruned")
        Job.objects.all().delete()
        engine.on(tasks.leave).enqueue("fine")

        worker = engine.worker("--burst")

        assert worker.ended() == 0, worker.log
        assert engine.effects() == ["fine"]


class TestBadMessages:
    """What a worker cannot read. Skipped for an engine whose queue is the jobs' table: it has no messages."""

    @pytest.mark.parametrize("version", [VERSION - 1, VERSION + 1], ids=["older", "newer"])
    def test_another_versions_message_is_dropped_and_its_job_waits(
        self, engine: EngineUnderTest, monkeypatch: pytest.MonkeyPatch, version: int
    ) -> None:
        if not engine.backend.leases_deliveries:
            pytest.skip("this engine has no messages")
        with monkeypatch.context() as patch:
            patch.setattr("taskyard.message.VERSION", version)
            unread = engine.on(tasks.leave).enqueue("unread")
        engine.prolong_leases()
        engine.on(tasks.leave, priority=-1).enqueue("fine")

        worker = engine.worker("--concurrency", "1")

        wait_until(lambda: engine.effects() == ["fine"], "what came after it ran")
        assert f"format {version}" in worker.log
        assert get_result(unread.id).status == "READY"


class TestShutdown:
    """Being told to stop."""

    def test_running_jobs_finish(self, engine: EngineUnderTest) -> None:
        engine.on(tasks.wait_for_test).enqueue("sync")
        engine.on(tasks.wait_for_test_async).enqueue("async")
        worker = engine.worker()
        wait_until(lambda: len(engine.effects()) == 2, "both run")

        worker.terminate()
        worker.wait_for_log("Waiting up to")
        engine.go_on()

        assert worker.ended() == 0, worker.log
        assert len(engine.effects()) == 4
        assert engine.all_finished()

    def test_what_outlasts_the_grace_time_is_handed_back_uncounted(self, engine: EngineUnderTest) -> None:
        engine.on(tasks.wait_for_test).enqueue("sync")
        engine.on(tasks.wait_for_test_async).enqueue("async")
        worker = engine.worker("--grace", "0.2")
        wait_until(lambda: len(engine.effects()) == 2, "both run")

        worker.terminate()

        assert worker.ended() == 0, worker.log
        assert set(Job.objects.values_list("state", flat=True)) == {JobState.READY}
        assert all(get_result(str(job.pk)).attempts == 0 for job in Job.objects.all())

    def test_a_signal_to_the_whole_group_ends_cleanly(self, engine: EngineUnderTest) -> None:
        engine.on(tasks.wait_for_test).enqueue("job")
        worker = engine.worker("--processes", "2")
        wait_until(engine.effects, "it runs", 60)

        worker.signal_group(signal.SIGTERM)
        worker.wait_for_log("Waiting up to")
        engine.go_on()

        assert worker.ended() == 0, worker.log
        assert engine.effects() == ["job started", "job finished"]

    def test_nobody_goes_on_when_the_parent_is_killed(self, engine: EngineUnderTest) -> None:
        worker = engine.worker("--processes", "2")
        wait_until(lambda: worker.log.count("is ready") == 2, "both are ready", 60)

        worker.process.kill()
        worker.process.wait(30)

        wait_until(lambda: not _group_exists(worker.process.pid), "the children have ended", 40)


def _group_exists(number: int) -> bool:
    try:
        os.killpg(number, 0)
    except ProcessLookupError:
        return False
    return True


class TestRescue:
    """Workers that die."""

    @slow
    def test_a_killed_workers_job_is_finished_by_another_within_a_minute(
        self, engine: EngineUnderTest
    ) -> None:
        result = engine.on(tasks.wait_for_test).enqueue("job")
        victim = engine.worker()
        wait_until(engine.effects, "it runs")
        engine.worker().wait_for_log("is ready")

        victim.kill()
        killed_at = time.monotonic()
        engine.go_on()

        wait_until(lambda: get_result(result.id).is_finished, "it ran elsewhere", 65)
        assert time.monotonic() - killed_at < 60
        found = get_result(result.id)
        assert (found.status, found.attempts) == ("SUCCESSFUL", 2)
        assert engine.effects() == ["job started", "job started", "job finished"]

    @slow
    def test_a_job_that_kills_its_process_runs_again(self, engine: EngineUnderTest) -> None:
        worker = engine.worker("--processes", "2")
        worker.wait_for_log("is ready")
        result = engine.on(tasks.kill_process_at_first).enqueue()

        wait_until(lambda: get_result(result.id).is_finished, "it ran again", 90)

        assert engine.effects() == ["attempt 1", "attempt 2"]
        found = get_result(result.id)
        assert (found.status, found.attempts) == ("SUCCESSFUL", 2)
        engine.on(tasks.leave).enqueue("the others go on")
        engine.finish()
        assert worker.process.poll() is None

    @slow
    def test_a_frozen_workers_late_outcome_is_refused(self, engine: EngineUnderTest) -> None:
        result = engine.on(tasks.wait_for_test).enqueue("job")
        frozen = engine.worker()
        wait_until(engine.effects, "it runs")
        frozen.freeze()
        engine.worker()
        engine.go_on()
        wait_until(lambda: get_result(result.id).is_finished, "it ran elsewhere", 90)
        outcome = Job.objects.values().get(pk=result.id)

        frozen.signal_group(signal.SIGCONT)

        frozen.wait_for_log("was refused", 90)
        assert Job.objects.values().get(pk=result.id) == outcome


class TestBrokerFaults:
    """Brokers that fail. Skipped for engines without one, and where the fixture gives no control over it."""

    @pytest.fixture(autouse=True)
    def _needs_a_broker(self, engine: EngineUnderTest) -> None:
        if engine.broker is None:
            pytest.skip("this engine has no broker that the test may harm")

    def test_enqueueing_survives_a_dead_broker(self, engine: EngineUnderTest) -> None:
        assert engine.broker is not None
        engine.broker.stop()
        begun = time.monotonic()
        for number in range(5):
            engine.on(tasks.leave).enqueue(str(number))
        spent = time.monotonic() - begun
        engine.broker.start()

        engine.worker()
        engine.finish()

        assert spent < 15, "five calls must not wait for five timeouts"
        assert sorted(engine.effects()) == ["0", "1", "2", "3", "4"]

    def test_enqueueing_survives_a_frozen_broker(self, engine: EngineUnderTest) -> None:
        assert engine.broker is not None
        engine.on(tasks.leave).enqueue("before")
        engine.broker.freeze()
        begun = time.monotonic()
        for number in range(5):
            engine.on(tasks.leave).enqueue(str(number))
        spent = time.monotonic() - begun
        engine.broker.thaw()

        engine.worker()
        engine.finish(90)

        assert spent < 30, "five calls must not wait for five timeouts"
        assert sorted(engine.effects()) == ["0", "1", "2", "3", "4", "before"]

    @slow
    def test_a_wiped_broker_loses_nothing(self, engine: EngineUnderTest) -> None:
        assert engine.broker is not None
        enqueue_many(engine.on(tasks.leave), [(str(number),) for number in range(100)])
        engine.broker.wipe()

        engine.worker()
        engine.finish(90)

        assert sorted(engine.effects(), key=int) == [str(number) for number in range(100)]

    @slow
    def test_a_broker_that_is_restarted_under_load_loses_nothing(self, engine: EngineUnderTest) -> None:
        assert engine.broker is not None
        engine.worker("--processes", "2").wait_for_log("is ready")
        for batch in range(10):
            enqueue_many(engine.on(tasks.leave), [(str(batch * 50 + number),) for number in range(50)])
            if batch == 3:
                engine.broker.stop()
            if batch == 6:
                engine.broker.start()

        engine.finish(120)

        assert set(engine.effects()) == {str(number) for number in range(500)}
        assert len(engine.effects()) == 500

    def test_a_worker_waits_for_a_broker_that_is_down(self, engine: EngineUnderTest) -> None:
        assert engine.broker is not None
        engine.broker.stop()
        engine.on(tasks.leave).enqueue("patience")
        worker = engine.worker()
        worker.wait_for_log("Worker for backend")

        engine.broker.start()

        engine.finish(60)
        assert engine.effects() == ["patience"]
        assert worker.process.poll() is None

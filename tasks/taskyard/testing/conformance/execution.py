"""Jobs run: sync and async, with their context, within their time, and to the outcome they deserve."""

import pytest

from taskyard import enqueue_many, get_progress, get_result
from taskyard.compat import Task
from taskyard.waiting import wait_until

from . import tasks
from .engine import EngineUnderTest


class TestExecution:
    """What a worker does with a job."""

    @pytest.mark.parametrize("task", [tasks.leave, tasks.leave_async], ids=["sync", "async"])
    def test_a_job_runs_and_its_result_is_kept(self, engine: EngineUnderTest, task: Task) -> None:
        result = engine.on(task).enqueue("hello")

        worker = engine.worker("--burst")

        assert worker.ended() == 0, worker.log
        found = get_result(result.id)
        assert (found.status, found.return_value, found.attempts) == ("SUCCESSFUL", "hello", 1)
        assert engine.effects() == ["hello"]

    def test_a_waiting_worker_picks_up_what_comes(self, engine: EngineUnderTest) -> None:
        worker = engine.worker()
        worker.wait_for_log("is ready")

        engine.on(tasks.leave).enqueue("hello")
        engine.prolong_leases()

        engine.finish()
        assert engine.effects() == ["hello"]

    def test_values_come_back_as_they_went(self, engine: EngineUnderTest) -> None:
        value = {"text": "Ärger 🙂", "list": [1, 2.5, None, True], "big": 2**53 + 1, "nested": {"a": [{}]}}
        result = engine.on(tasks.give_back).enqueue(value)

        worker = engine.worker("--burst")

        assert worker.ended() == 0, worker.log
        assert get_result(result.id).return_value == value

    def test_a_task_gets_its_context(self, engine: EngineUnderTest) -> None:
        result = engine.on(tasks.attempt_of).enqueue("x")

        worker = engine.worker("--burst")

        assert worker.ended() == 0, worker.log
        assert get_result(result.id).return_value == 1

    @pytest.mark.parametrize("task", [tasks.fail, tasks.fail_async], ids=["sync", "async"])
    def test_a_task_that_raises_fails_with_its_error(self, engine: EngineUnderTest, task: Task) -> None:
        result = engine.on(task).enqueue("broken pipe")

        worker = engine.worker("--burst")

        assert worker.ended() == 0, worker.log
        found = get_result(result.id)
        assert found.status == "FAILED"
        assert found.errors[0].exception_class is ValueError
        assert "broken pipe" in found.errors[0].traceback

    @pytest.mark.parametrize(
        ("task", "error"),
        [
            (tasks.exit_process, "builtins.SystemExit"),
            (tasks.fail_at_length, "builtins.ValueError"),
            (tasks.return_no_json, "builtins.TypeError"),
        ],
        ids=["system-exit", "huge-traceback", "no-json"],
    )
    def test_a_task_that_misbehaves_harms_no_other(
        self, engine: EngineUnderTest, task: Task, error: str
    ) -> None:
        result = engine.on(task).enqueue()
        engine.on(tasks.leave).enqueue("fine")

        worker = engine.worker("--burst", "--concurrency", "1")

        assert worker.ended() == 0, worker.log
        assert get_result(result.id).errors[0].exception_class_path == error
        assert engine.effects() == ["fine"]

    @pytest.mark.parametrize("task", [tasks.run_over, tasks.run_over_async], ids=["sync", "async"])
    def test_a_task_ends_when_its_time_is_up(self, engine: EngineUnderTest, task: Task) -> None:
        result = engine.on(task).enqueue()
        engine.on(tasks.leave).enqueue("next")

        worker = engine.worker("--burst", "--concurrency", "1")

        assert worker.ended() == 0, worker.log
        [error] = get_result(result.id).errors
        assert error.exception_class_path == "taskyard.exceptions.JobTimeout"
        assert engine.effects() == ["next"]

    def test_async_tasks_run_side_by_side(self, engine: EngineUnderTest) -> None:
        enqueue_many(engine.on(tasks.wait_for_test_async), [(str(number),) for number in range(4)])

        engine.worker("--concurrency", "4")

        wait_until(lambda: len(engine.effects()) == 4, "all four have started")
        engine.go_on()
        engine.finish()

    def test_sync_tasks_run_side_by_side(self, engine: EngineUnderTest) -> None:
        enqueue_many(engine.on(tasks.wait_for_test), [(str(number),) for number in range(4)])

        engine.worker("--concurrency", "4")

        wait_until(lambda: len(engine.effects()) == 4, "all four have started")
        engine.go_on()
        engine.finish()

    def test_a_job_enqueues_another(self, engine: EngineUnderTest) -> None:
        engine.on(tasks.enqueue_another).enqueue("child")

        worker = engine.worker("--burst")

        assert worker.ended() == 0, worker.log
        assert engine.effects() == ["child"]

    def test_progress_is_kept(self, engine: EngineUnderTest) -> None:
        result = engine.on(tasks.report).enqueue(3, 10)

        worker = engine.worker("--burst")

        assert worker.ended() == 0, worker.log
        progress = get_progress(result.id)
        assert progress is not None
        assert (progress.done, progress.total, progress.message) == (3, 10, "so far")

    def test_a_worker_of_one_queue_leaves_the_other(self, engine: EngineUnderTest) -> None:
        first, second = engine.queues
        engine.on(tasks.leave, queue_name=first).enqueue("first")
        engine.on(tasks.leave, queue_name=second).enqueue("second")

        worker = engine.worker("--burst", "--queues", second)

        assert worker.ended() == 0, worker.log
        assert engine.effects() == ["second"]

    def test_several_processes_run_each_job_once(self, engine: EngineUnderTest) -> None:
        enqueue_many(engine.on(tasks.leave), [(str(number),) for number in range(300)])

        worker = engine.worker("--burst", "--processes", "2")

        assert worker.ended(90) == 0, worker.log
        assert sorted(engine.effects(), key=int) == [str(number) for number in range(300)]

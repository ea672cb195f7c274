"""Enqueueing: within transactions, in bulk, without blocking, and with arguments that cannot be."""

import asyncio
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from taskyard import (
    InvalidTask,
    TaskResultDoesNotExist,
    aenqueue_many,
    enqueue_many,
    get_result,
    task_enqueued,
)
from taskyard.models import Job

from . import tasks
from .engine import EngineUnderTest


class TestEnqueueing:
    """What `enqueue` promises, whatever carries the job."""

    def test_every_capability_of_djangos_framework_is_there(self, engine: EngineUnderTest) -> None:
        backend = engine.backend

        assert backend.supports_defer
        assert backend.supports_async_task
        assert backend.supports_get_result
        assert backend.supports_priority

    def test_a_waiting_job_can_be_looked_up(self, engine: EngineUnderTest) -> None:
        result = engine.on(tasks.leave).enqueue("x")

        found = tasks.leave.get_result(result.id)

        assert (found.id, found.status, found.args) == (result.id, "READY", ["x"])
        assert found.enqueued_at is not None
        assert found.backend == engine.alias

    @pytest.mark.parametrize("unknown", ["", "nope", "01a1fc0c-9e78-749a-bc68-20c1ff1f124f"])
    def test_an_unknown_id_has_no_result(self, engine: EngineUnderTest, unknown: str) -> None:
        with pytest.raises(TaskResultDoesNotExist):
            engine.backend.get_result(unknown)

    def test_the_signal_is_sent_once_by_the_backends_class(self, engine: EngineUnderTest) -> None:
        seen: list[tuple[Any, str]] = []

        def note(sender: Any, task_result: Any, **_: Any) -> None:
            seen.append((sender, task_result.id))

        task_enqueued.connect(note)
        result = engine.on(tasks.leave).enqueue("x")
        task_enqueued.disconnect(note)

        assert seen == [(type(engine.backend), result.id)]

    def test_a_rolled_back_transaction_leaves_nothing(self, engine: EngineUnderTest) -> None:
        def fail() -> None:
            with transaction.atomic():
                engine.on(tasks.leave).enqueue("never")
                raise RuntimeError

        with pytest.raises(RuntimeError):
            fail()
        worker = engine.worker("--burst")

        assert worker.ended() == 0, worker.log
        assert engine.effects() == []
        assert not Job.objects.exists()

    def test_a_transactions_jobs_run_once_it_has_committed(self, engine: EngineUnderTest) -> None:
        worker = engine.worker()
        worker.wait_for_log("is ready")

        with transaction.atomic():
            for number in range(5):
                engine.on(tasks.leave).enqueue(str(number))
            assert engine.effects() == []

        engine.finish()
        assert sorted(engine.effects()) == ["0", "1", "2", "3", "4"]

    def test_a_savepoint_takes_its_jobs_with_it(self, engine: EngineUnderTest) -> None:
        with transaction.atomic():
            engine.on(tasks.leave).enqueue("kept")
            savepoint = transaction.atomic()
            savepoint.__enter__()
            engine.on(tasks.leave).enqueue("lost")
            savepoint.__exit__(RuntimeError, RuntimeError(), None)
            engine.on(tasks.leave).enqueue("kept too")
        worker = engine.worker("--burst")

        assert worker.ended() == 0, worker.log
        assert sorted(engine.effects()) == ["kept", "kept too"]

    def test_many_jobs_are_one_insert(self, engine: EngineUnderTest) -> None:
        with CaptureQueriesContext(connection) as queries:
            results = enqueue_many(engine.on(tasks.leave), [(str(number),) for number in range(50)])

        inserts = [query for query in queries if query["sql"].startswith("INSERT INTO taskyard_job")]
        assert len(inserts) == 1
        assert [result.args for result in results] == [[str(number)] for number in range(50)]

    def test_enqueueing_from_an_event_loop_does_not_block_it(self, engine: EngineUnderTest) -> None:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0)

        async def enqueue() -> list[Any]:
            ticking = asyncio.create_task(tick())
            await engine.on(tasks.leave).aenqueue("warm up")
            before = ticks
            results = await aenqueue_many(engine.on(tasks.leave), [("a",), ("b",)])
            ticking.cancel()
            assert ticks > before + 1, "the loop stood still"
            return results

        async_to_sync(enqueue)()
        worker = engine.worker("--burst")

        assert worker.ended() == 0, worker.log
        assert sorted(engine.effects()) == ["a", "b", "warm up"]

    def test_wrong_calls_are_refused_and_leave_nothing(self, engine: EngineUnderTest) -> None:
        with pytest.raises(InvalidTask):
            engine.on(tasks.leave, queue_name="no such queue")
        with pytest.raises(InvalidTask):
            engine.on(tasks.leave, priority=101)
        with pytest.raises(TypeError):
            engine.on(tasks.leave).enqueue(object())
        with pytest.raises(ValueError, match="MAX_ARGUMENT_BYTES"):
            engine.on(tasks.leave).enqueue("x" * 50_000_000)

        assert not Job.objects.exists()

    def test_a_job_whose_arguments_do_not_fit_fails_with_the_reason(self, engine: EngineUnderTest) -> None:
        result = engine.on(tasks.leave).enqueue("one", "too many")
        engine.on(tasks.leave).enqueue("fine")

        worker = engine.worker("--burst")

        assert worker.ended() == 0, worker.log
        assert get_result(result.id).errors[0].exception_class_path == "taskyard.exceptions.BadArguments"
        assert engine.effects() == ["fine"]

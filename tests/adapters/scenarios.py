"""What engines with a broker must do beyond the conformance suite: where their own habits could show.

A test module of an adapter subclasses these. Beside the suite's fixture `engine` its conftest brings
`put_message(engine, anything)`, which sends what our worker takes for a message, and `put_garbage(engine)`,
which puts into the default queue what is no message of the engine's at all.
"""

import os
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync
from django.db import connections, transaction

from taskyard import enqueue_many, get_result
from taskyard.delivery import Delivery
from taskyard.message import encode
from taskyard.models import Job
from taskyard.states import JobState
from taskyard.testing.conformance import tasks
from taskyard_workers.models import WorkerProcess
from tests.support.servers import wait_until

NO_JOB = "0190b6f4-7c1e-7000-8000-000000000000"


def depth(engine, queue="default"):
    return engine.backend.queue_depths().get(queue, 0)


def ready(engine, *arguments):
    worker = engine.worker(*arguments)
    worker.wait_for_log("is ready")
    return worker


def states():
    return sorted(Job.objects.values_list("state", flat=True))


class Deliveries:
    """From the commit to the first line of the task."""

    def test_a_transactions_jobs_are_delivered_in_one_batch(self, engine, monkeypatch):
        backend_class = type(engine.backend)
        deliver = backend_class.deliver
        batches = []
        monkeypatch.setattr(
            backend_class, "deliver", lambda self, batch: (batches.append(len(batch)), deliver(self, batch))
        )
        with transaction.atomic():
            for number in range(3):
                engine.on(tasks.leave).enqueue(str(number))
            assert depth(engine) == 0

        assert batches == [3]
        wait_until(lambda: depth(engine) == 3, "all have come")

    def test_jobs_enqueued_on_event_loops_are_delivered(self, engine):
        for line in ("one", "two"):
            async_to_sync(engine.on(tasks.leave).aenqueue)(line)  # a loop of its own each time

        worker = engine.worker("--burst")

        assert worker.ended() == 0, worker.log
        assert sorted(engine.effects()) == ["one", "two"]

    def test_an_idle_worker_starts_a_job_at_once(self, engine):
        ready(engine)
        engine.on(tasks.leave).enqueue("first")
        wait_until(engine.effects, "the first ran")

        def seconds_to_start(number):
            sent_at = time.monotonic()
            engine.on(tasks.leave).enqueue(str(number))
            wait_until(lambda: str(number) in engine.effects(), "it ran")
            return time.monotonic() - sent_at

        # A busy machine makes some of them slow; a worker that only looks now and then, all.
        assert min(map(seconds_to_start, range(5))) < 1.0

    def test_no_more_jobs_run_at_once_than_there_are_slots_whatever_their_queues(self, engine):
        for number in range(4):
            for queue in engine.queues:
                task = (tasks.wait_for_test, tasks.wait_for_test_async)[number % 2]
                engine.on(task, queue_name=queue).enqueue(f"{queue} {number}")
        engine.prolong_leases()
        worker = ready(engine, "--concurrency", "3")
        wait_until(lambda: len(engine.effects()) == 3, "three run")

        with suppress(AssertionError):
            wait_until(lambda: len(engine.effects()) > 3, "more run", 1.0)

        assert len(engine.effects()) == 3
        assert Job.objects.filter(state=JobState.RUNNING).count() == 3
        engine.go_on()
        engine.finish()
        assert "delivered once more" not in worker.log

    def test_depths_count_what_waits_by_queue(self, engine):
        first, second = engine.queues
        assert not any(engine.backend.queue_depths().values())
        enqueue_many(engine.on(tasks.wait_for_test), [(str(number),) for number in range(5)])
        engine.on(tasks.leave, queue_name=second).enqueue("x")
        wait_until(lambda: (depth(engine, first), depth(engine, second)) == (5, 1), "all have come")

        ready(engine, "--concurrency", "1", "--queues", first)
        wait_until(engine.effects, "one runs")

        assert depth(engine, first) <= 5
        assert depth(engine, second) == 1
        engine.go_on()
        wait_until(lambda: depth(engine, first) == 0, "the queue is empty")

    def test_queues_that_tasks_does_not_name_are_served_too(self, engine, add_backend, settings):
        add_backend(engine.alias, {**settings.TASKS[engine.alias], "QUEUES": []})
        tasks_setting = "TASKYARD_TEST_TASKS"
        engine.environment = {**engine.environment, tasks_setting: os.environ[tasks_setting]}
        worker = ready(engine)
        for queue in ("default", "a queue: nobody's"):
            engine.on(tasks.leave, queue_name=queue).enqueue(queue)

        engine.finish()

        assert sorted(engine.effects()) == ["a queue: nobody's", "default"]
        worker.terminate()
        assert worker.ended() == 0, worker.log

    def test_a_busy_worker_holds_nothing_that_an_idle_one_could_run(self, engine):
        engine.on(tasks.wait_for_test).enqueue("long")
        ready(engine, "--concurrency", "1")
        wait_until(engine.effects, "the only slot is taken")
        for queue in engine.queues:
            enqueue_many(engine.on(tasks.leave, queue_name=queue), [(str(number),) for number in range(5)])
        engine.prolong_leases()

        idle = ready(engine)

        wait_until(lambda: len(engine.effects()) == 11, "the idle one has run them all")
        assert "delivered once more" not in idle.log

    def test_a_forked_process_delivers_on_a_connection_of_its_own(self, engine, script):
        enqueue = f"tasks.leave.using(backend={engine.alias!r}).enqueue"
        ended = script(
            "import os\n"
            "from django.db import connections\n"
            "from taskyard.testing.conformance import tasks\n"
            f"{enqueue}('before')\n"
            "connections.close_all()\n"
            "child = os.fork()\n"
            f"{enqueue}('child' if child == 0 else 'parent')\n"
            "connections.close_all()\n"
            "if child == 0:\n"
            "    os._exit(0)\n"
            "assert os.waitpid(child, 0)[1] == 0\n"
        )

        assert ended.returncode == 0, ended.stderr
        assert "Traceback" not in ended.stderr
        wait_until(lambda: depth(engine) == 3, "all have come")

    def test_threads_deliver_side_by_side(self, engine):
        def deliver(_number):
            engine.backend.deliver([Delivery(uuid4(), "no.task", "default", 0, engine.alias)])
            connections.close_all()

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(deliver, range(100)))

        wait_until(lambda: depth(engine) == 100, "all have come")

    @pytest.mark.busy
    def test_a_large_batch_is_delivered_within_the_time_for_an_answer(self, engine):
        batch = [Delivery(uuid4(), "no.task", "default", 0, engine.alias) for _ in range(5000)]

        begun_at = time.monotonic()
        engine.backend.deliver(batch)

        assert time.monotonic() - begun_at < engine.backend.settings.BROKER_TIMEOUT
        wait_until(lambda: depth(engine) == 5000, "all have come")

    def test_a_busy_process_that_is_replaced_keeps_no_message(self, engine):
        enqueue_many(engine.on(tasks.leave), [(str(number),) for number in range(6)])
        engine.prolong_leases()

        worker = engine.worker("--burst", "--max-jobs", "2", "--concurrency", "4")

        assert worker.ended() == 0, worker.log
        assert worker.log.count("it has run 2 jobs") >= 2, "the last may see first that nothing is left"
        assert list(Counter(Job.objects.values_list("worker", flat=True)).values()) == [2, 2, 2]
        assert sorted(engine.effects()) == ["0", "1", "2", "3", "4", "5"]
        assert "delivered once more" not in worker.log


class Junk:
    """What should not have come at all."""

    def test_it_is_logged_and_the_worker_goes_on(self, engine, put_message, put_garbage):
        worker = ready(engine)

        put_message(engine, {"v": 99, "job": NO_JOB})
        put_message(engine, "hello")
        put_message(engine, encode(NO_JOB))
        put_garbage(engine)
        engine.on(tasks.leave).enqueue("fine")

        engine.finish()
        worker.wait_for_log("format 99")
        worker.wait_for_log("no message of Taskyard's: 'hello'")
        wait_until(lambda: depth(engine) == 0, "nothing of it stays")
        worker.terminate()
        assert worker.ended() == 0, worker.log
        assert engine.effects() == ["fine"]


class Ending:
    """What a worker leaves behind."""

    def test_what_waits_behind_the_running_jobs_is_at_once_for_others(self, engine):
        enqueue_many(engine.on(tasks.wait_for_test), [(str(number),) for number in range(6)])
        engine.prolong_leases()
        worker = engine.worker("--concurrency", "2")
        wait_until(lambda: len(engine.effects()) == 2, "two run")

        worker.terminate()
        worker.wait_for_log("Waiting up to")
        engine.go_on()
        assert worker.ended() == 0, worker.log
        assert states() == ["READY"] * 4 + ["SUCCESSFUL"] * 2
        wait_until(lambda: depth(engine) == 4, "the others are in the queue")
        second = engine.worker("--burst", "--concurrency", "4")

        assert second.ended() == 0, second.log
        assert "delivered once more" not in second.log, "no lease had to run out"
        assert not WorkerProcess.objects.exists(), "they signed off"

    def test_a_task_that_cannot_be_stopped_is_cut_off(self, engine):
        result = engine.on(tasks.sit_in_c).enqueue()
        worker = engine.worker("--grace", "0")
        wait_until(engine.effects, "it runs")

        worker.terminate()

        assert worker.ended() == 3, worker.log
        assert get_result(result.id).status == "READY"

    def test_nobody_consumes_once_the_parent_is_killed(self, engine):
        worker = engine.worker("--processes", "2")
        wait_until(lambda: WorkerProcess.objects.count() == 2, "both are registered", 60)

        worker.process.kill()

        wait_until(lambda: not WorkerProcess.objects.exists(), "the children signed off")
        engine.on(tasks.leave).enqueue("nobody is there")
        wait_until(lambda: depth(engine) == 1, "it has come")
        assert engine.effects() == []


class BrokerTrouble:
    """What a broker may do to us; a subclass is called `TestBrokerFaults`, so that it gets one of its own."""

    def test_a_dead_broker_is_said_in_one_line_and_waited_for(self, engine, caplog):
        engine.broker.stop()

        begun_at = time.monotonic()
        engine.on(tasks.leave).enqueue("safe")
        assert time.monotonic() - begun_at < engine.backend.settings.BROKER_TIMEOUT, "it was not waited for"
        assert "They are safe in the database" in caplog.text
        worker = ready(engine)
        worker.wait_for_log("out of reach")
        engine.broker.start()

        engine.finish()
        worker.wait_for_log("answers again")
        worker.terminate()
        assert worker.ended() == 0, worker.log
        assert "Traceback" not in worker.log

    def test_a_worker_ends_in_order_while_the_broker_is_down(self, engine):
        engine.on(tasks.wait_for_test).enqueue("job")
        worker = ready(engine)
        wait_until(engine.effects, "it runs")
        engine.broker.stop()

        worker.terminate()
        worker.wait_for_log("Waiting up to")
        engine.go_on()

        assert worker.ended() == 0, worker.log
        assert states() == ["SUCCESSFUL"]

    def test_a_worker_ends_in_order_while_the_broker_is_frozen(self, engine):
        engine.on(tasks.wait_for_test).enqueue("job")
        worker = ready(engine)
        wait_until(engine.effects, "it runs")
        engine.broker.freeze()

        worker.terminate()
        worker.wait_for_log("Waiting up to")
        engine.go_on()

        assert worker.ended() == 0, worker.log
        assert states() == ["SUCCESSFUL"]

    def test_a_broker_that_was_away_between_two_deliveries_costs_none(self, engine):
        engine.on(tasks.leave).enqueue("before")
        engine.broker.stop()
        engine.broker.start()

        engine.on(tasks.leave).enqueue("after")
        jobs = Job.objects.filter(delivered_at=None)

        assert not jobs.exists(), "the first try has reached it"
        ready(engine)
        engine.finish()
        assert sorted(engine.effects()) == ["after", "before"]

    def test_one_worker_goes_on_through_stop_freeze_and_start(self, engine):
        worker = ready(engine)
        for line, harm, heal in (
            ("stopped", engine.broker.stop, engine.broker.start),
            ("frozen", engine.broker.freeze, engine.broker.thaw),
            ("stopped again", engine.broker.stop, engine.broker.start),
        ):
            harm()
            engine.on(tasks.leave).enqueue(line)
            heal()
            engine.finish()

        assert engine.effects() == ["stopped", "frozen", "stopped again"]
        assert worker.process.poll() is None

    @pytest.mark.slow
    def test_what_is_wiped_while_others_run_is_delivered_once_more(self, engine):
        enqueue_many(engine.on(tasks.wait_for_test), [("running",), ("waiting",)])
        worker = ready(engine, "--concurrency", "1")
        wait_until(engine.effects, "one runs")

        engine.broker.wipe()
        engine.go_on()

        engine.finish(90)
        assert sorted(engine.effects()) == [
            f"{line} {end}" for line in ("running", "waiting") for end in ("finished", "started")
        ]
        assert "delivered once more" in worker.log

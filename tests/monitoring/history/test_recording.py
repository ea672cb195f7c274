"""Processes write what they did: real workers, on the test's own database."""

import signal
import threading
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.db.models import Sum

from taskyard import enqueue_many
from taskyard.database import database_time
from taskyard.states import Event
from taskyard_monitoring.history import recording
from taskyard_monitoring.history.pruning import prune
from taskyard_monitoring.history.recording import Recording, replace
from taskyard_monitoring.history.steps import MINUTE, STEPS, TEN_MINUTES, TEN_SECONDS
from taskyard_monitoring.history.tally import Key, Tally
from taskyard_monitoring.models import RollUp
from taskyard_workers.models import WorkerProcess
from tests.example import tasks
from tests.support.servers import wait_until

from .rows import add_row, ago


def totals(step=TEN_SECONDS, **filters):
    """Return what all rows of a step say together."""
    columns = ("succeeded", "failed", "cancelled", "retried")
    rows = RollUp.objects.filter(step=step.seconds, **filters)
    return {
        name: count
        for name, count in rows.aggregate(**{name: Sum(name) for name in columns}).items()
        if count
    }


def many(histograms):
    """Return how many attempts a column of histograms holds."""
    return sum(sum(histogram.values()) for histogram in histograms)


@pytest.mark.django_db(transaction=True)
class TestWorkers:
    def test_a_worker_writes_what_it_did_before_it_ends(self, start, effects):
        enqueue_many(tasks.nothing, [()] * 20)
        enqueue_many(tasks.add_async, [(1, 2)] * 5)
        enqueue_many(tasks.fail, [()] * 3)
        tasks.fail_thrice.enqueue()

        worker = start("worker", "--burst", "--name", "ada")
        assert worker.ended() == 0, worker.log

        for step in STEPS:
            assert totals(step) == {"succeeded": 25, "failed": 4, "retried": 2}
            assert totals(step, task=tasks.fail_thrice.module_path) == {"failed": 1, "retried": 2}
        rows = RollUp.objects.filter(step=10)
        assert set(rows.values_list("backend", "engine", "queue", "worker")) == {
            ("default", "embedded", "default", "ada")
        }
        assert many(rows.values_list("run_times", flat=True)) == 31
        assert many(rows.values_list("waits", flat=True)) == 31
        assert database_time(connection) - rows.latest("slot").slot < timedelta(seconds=60)

    def test_a_worker_writes_while_it_goes_on(self, start, effects):
        worker = start("worker")
        tasks.nothing.enqueue()

        wait_until(lambda: totals() == {"succeeded": 1}, "the first job is in the history", 60)
        tasks.nothing.enqueue()
        wait_until(lambda: totals() == {"succeeded": 2}, "so is the second")

        assert worker.process.poll() is None

    def test_an_idle_worker_writes_nothing(self, start):
        worker = start("worker", "--burst")

        assert worker.ended() == 0, worker.log

        assert not RollUp.objects.exists()

    def test_two_workers_side_by_side(self, start, effects):
        workers = [start("worker", "--concurrency", "2", "--name", name) for name in ("ada", "bob")]
        for worker in workers:  # else the first may have done all before the second is there
            worker.wait_for_log("is ready", 60)

        enqueue_many(tasks.leave_slowly, [(str(number), 0.3) for number in range(24)])
        wait_until(lambda: len(effects()) == 48, "all jobs have run", 60)
        for worker in workers:
            worker.signal(signal.SIGTERM)
            assert worker.ended() == 0, worker.log

        assert totals() == totals(TEN_MINUTES) == {"succeeded": 24}
        assert set(RollUp.objects.values_list("worker", flat=True)) == {"ada", "bob"}

    @pytest.mark.slow
    def test_forked_children(self, make_engine):
        engine = make_engine("taskyard_adapters.celery.CeleryBackend", broker="redis", POOL="prefork")
        enqueue_many(tasks.nothing.using(backend="under_test"), [()] * 30)

        worker = engine.worker("--concurrency", "2")
        wait_until(lambda: totals(engine="celery") == {"succeeded": 30}, "all are in the history", 60)
        processes = set(WorkerProcess.objects.values_list("pk", flat=True))
        worker.terminate()
        assert worker.ended(30) == 0, worker.log

        assert set(RollUp.objects.values_list("process", flat=True)) <= processes
        assert totals(MINUTE) == {"succeeded": 30}


@pytest.mark.django_db(transaction=True)
class TestThread:
    def test_what_is_not_due_yet_is_written_at_the_end(self, monkeypatch):
        monkeypatch.setattr(recording, "LOOK_INTERVAL", 0.02)
        history = Recording("ada.1", "ada")
        history.start()
        key, slot = Key("default", "embedded", "mail", "a.b"), ago()
        history._tally.count(key, Event.SUCCEED, slot, 1, 1)
        wait_until(lambda: all(totals(step) == {"succeeded": 1} for step in STEPS), "the first is written")

        history._tally.count(key, Event.SUCCEED, slot, 1, 1)
        history.end()

        assert all(totals(step) == {"succeeded": 2} for step in STEPS)

    def test_what_the_database_does_not_take_is_written_once_it_does(self, monkeypatch):
        monkeypatch.setattr(recording, "LOOK_INTERVAL", 0.02)
        refused = threading.Event()
        let_through = threading.Event()

        def replace_later(*arguments):
            if not let_through.is_set():
                refused.set()
                raise OperationalError("no")
            replace(*arguments)

        monkeypatch.setattr(recording, "replace", replace_later)
        history = Recording("ada.1", "ada")
        history.start()
        history._tally.count(Key("default", "embedded", "mail", "a.b"), Event.SUCCEED, ago(), 1, 1)
        assert refused.wait(30)

        let_through.set()
        history.end()

        assert totals() == totals(MINUTE) == totals(TEN_MINUTES) == {"succeeded": 1}


@pytest.mark.django_db
class TestRows:
    def test_a_process_replaces_its_own_rows_and_no_others(self):
        tally, slot = Tally(), ago()
        add_row(slot, process="bob.1", backend="b", queue="mail", task="a.b", succeeded=7)
        for _ in range(2):
            tally.count(Key("b", "embedded", "mail", "a.b"), Event.FAIL, slot, 2.0, 0.5)
            replace("ada.1", "ada", TEN_SECONDS, tally.changes(TEN_SECONDS))

        row = RollUp.objects.get(process="ada.1")
        assert (row.failed, row.succeeded, sum(row.run_times.values())) == (2, 0, 2)
        assert RollUp.objects.get(process="bob.1").succeeded == 7

    def test_each_step_is_pruned_in_its_time(self, now):
        for step in STEPS:
            add_row(ago(step), step)
            # Its time is over in a step's length at the earliest.
            add_row(ago(step, seconds=step.kept.total_seconds() - 2 * step.seconds), step)
            for number in range(3):
                add_row(ago(step, seconds=step.kept.total_seconds() + step.seconds * (number + 1)), step)

        assert prune() == 9

        for step in STEPS:
            assert RollUp.objects.filter(step=step.seconds).count() == 2
        assert prune() == 0

    def test_pruning_goes_in_batches_and_ends(self, monkeypatch):
        monkeypatch.setattr("taskyard_monitoring.history.pruning.BATCH", 2)
        monkeypatch.setattr("taskyard_monitoring.history.pruning.MOST_BATCHES", 3)
        for number in range(10):
            add_row(ago(hours=2), process=str(number))

        assert [prune(), prune(), prune()] == [6, 4, 0]

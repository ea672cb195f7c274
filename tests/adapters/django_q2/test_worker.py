"""Django-Q2's worker where its own habits could show."""

import os
import signal

import pytest
from django.db import connection

from taskyard import enqueue_many
from taskyard.models import Job
from taskyard.states import JobState
from taskyard.testing.conformance import tasks
from taskyard_workers.models import WorkerProcess
from tests.adapters import scenarios
from tests.adapters.django_q2.conftest import BACKEND
from tests.support.servers import wait_until


class TestDelivery(scenarios.Deliveries):
    pass


class TestJunk(scenarios.Junk):
    pass


class TestEnding(scenarios.Ending):
    pass


class TestBrokerFaults(scenarios.BrokerTrouble):
    @pytest.fixture
    def broker(self):
        return "redis"


@pytest.fixture
def orm(make_engine):
    return make_engine(BACKEND)


def rows():
    from django_q.models import OrmQ

    return OrmQ.objects.count()


class TestTable:
    """django-q2's own table as the broker."""

    def test_priorities_are_exact(self, orm):
        for priority in (0, -100, 2, 100, 1, -1, 0):
            orm.on(tasks.leave, priority=priority).enqueue(str(priority))

        worker = orm.worker("--burst", "--concurrency", "1")

        assert worker.ended() == 0, worker.log
        assert orm.effects() == ["100", "2", "1", "0", "0", "-1", "-100"]

    def test_priorities_hold_across_queues(self, orm):
        for queue, priority in (("default", 1), ("mail", 2), ("reports", 3), ("default", 4)):
            orm.on(tasks.leave, queue_name=queue, priority=priority).enqueue(f"{queue} {priority}")

        worker = orm.worker("--burst", "--concurrency", "1")

        assert worker.ended() == 0, worker.log
        assert orm.effects() == ["default 4", "reports 3", "mail 2", "default 1"]

    def test_nothing_is_left_of_jobs_that_are_done_or_have_failed(self, orm):
        orm.on(tasks.leave).enqueue("x")
        orm.on(tasks.fail).enqueue("on purpose")

        worker = orm.worker("--burst")

        assert worker.ended() == 0, worker.log
        assert rows() == 0

    def test_a_row_is_kept_while_its_job_runs(self, orm):
        orm.on(tasks.wait_for_test).enqueue("x")
        orm.worker()
        wait_until(orm.effects, "it runs")

        assert rows() == 1
        assert orm.backend.queue_depths() == {}, "what is in a worker's hands does not wait"

        orm.go_on()
        wait_until(lambda: rows() == 0, "it is acknowledged")

    def test_a_job_that_outlives_its_rows_lock_runs_once(self, orm):
        from django_q.models import OrmQ

        orm.on(tasks.wait_for_test).enqueue("x")
        orm.worker()
        wait_until(orm.effects, "it runs")

        OrmQ.objects.update(lock=None)
        wait_until(lambda: rows() == 0, "the second delivery is dropped")
        orm.go_on()
        orm.finish()

        assert orm.effects() == ["x started", "x finished"]
        assert set(Job.objects.values_list("attempt", flat=True)) == {1}

    @pytest.mark.slow
    def test_rows_that_somebody_deletes_are_written_once_more(self, orm):
        from django_q.models import OrmQ

        enqueue_many(orm.on(tasks.leave), [(str(number),) for number in range(50)])
        OrmQ.objects.all().delete()

        orm.worker()
        orm.finish(90)

        assert sorted(orm.effects(), key=int) == [str(number) for number in range(50)]

    def test_a_worker_goes_on_after_the_database_closed_its_connections(self, orm):
        if connection.vendor != "postgresql":
            pytest.skip("SQLite has no server that could close a connection")
        worker = scenarios.ready(orm)
        orm.on(tasks.leave).enqueue("before")
        orm.finish()
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )

        orm.on(tasks.leave).enqueue("after")
        orm.finish()

        assert orm.effects() == ["before", "after"]
        assert worker.process.poll() is None


class TestBesideTheTeamsOwnTasks:
    """A site that uses django-q2 itself, on the same broker and with a `qcluster` of its own."""

    def test_neither_runs_the_others_tasks(self, engine, start, effects):
        from django_q.models import OrmQ, Success
        from django_q.tasks import async_task

        ours = engine.on(tasks.leave).enqueue("ours")
        async_task("tests.example.tasks._leave", "theirs")

        cluster = start("qcluster")
        wait_until(lambda: Success.objects.count() == 1, "their task ran", 60)  # five processes start
        assert Job.objects.get(pk=ours.id).state == JobState.READY
        assert scenarios.depth(engine) == 1
        cluster.signal(signal.SIGTERM)
        assert cluster.ended() == 0, cluster.log

        async_task("tests.example.tasks._leave", "theirs once more")
        worker = engine.worker("--burst")
        assert worker.ended() == 0, worker.log

        assert sorted(effects()) == ["ours", "theirs"]
        assert OrmQ.objects.filter(key="site").count() == 1
        assert Success.objects.count() == 1, "no result of ours is kept in their table"


class TestProcesses:
    """Several executing processes."""

    def test_each_is_registered_under_its_own_process(self, engine):
        worker = engine.worker("--processes", "2")

        wait_until(lambda: WorkerProcess.objects.count() == 2, "both are registered", 60)

        pids = set(WorkerProcess.objects.values_list("pid", flat=True))
        assert len(pids) == 2
        assert worker.process.pid not in pids
        os.killpg(worker.process.pid, signal.SIGTERM)
        assert worker.ended() == 0, worker.log
        assert not WorkerProcess.objects.exists()

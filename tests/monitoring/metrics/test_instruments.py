"""What a process counts of the jobs that it enqueues and runs."""

from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone

from taskyard import aenqueue_many, enqueue_many
from taskyard.compat import task_backends
from taskyard.exceptions import CancelRequested, WorkerStopping
from taskyard.execution import SyncEffects, attempt, run_now
from taskyard.models import Job
from taskyard.operating.operations import CANCEL, RETRY
from taskyard.run import prepare
from taskyard.states import Event, JobState
from taskyard.testing import drain
from taskyard.transitions import claim, conclude
from taskyard_monitoring.metrics.instruments import wanted_at
from taskyard_workers.dispatcher import Dispatcher
from taskyard_workers.membership import BEAT, DEATH
from tests.example import tasks
from tests.tasks.jobs import PAST, add_job, fresh, outcome, timed

pytestmark = pytest.mark.django_db

ENDS = ("succeeded", "failed", "cancelled")


def of(task):
    return {"engine": "embedded", "queue": "default", "task": task.module_path}


def ends(counted, task):
    """Return how often a task's jobs have ended, by outcome."""
    found = {end: counted("taskyard_finished_total", outcome=end, **of(task)) for end in ENDS}
    return {end: times for end, times in found.items() if times}


def test_a_job_is_counted_from_enqueueing_to_its_end(counting):
    with counting() as counted:
        tasks.add.enqueue(1, 2)
        enqueue_many(tasks.add, [(1, 1), (2, 2)])
        drain()

    of_task = of(tasks.add)
    assert counted("taskyard_enqueued_total", **of_task) == 3
    assert counted("taskyard_started_total", **of_task) == 3
    assert ends(counted, tasks.add) == {"succeeded": 3}
    for name in ("run", "queue_wait", "end_to_end"):
        assert counted(f"taskyard_{name}_seconds_count", **of_task) == 3


def test_async_enqueueing_is_counted(counting):
    with counting() as counted:
        async_to_sync(tasks.add.aenqueue)(1, 2)
        async_to_sync(aenqueue_many)(tasks.add, [(1, 1)])

    assert counted("taskyard_enqueued_total", **of(tasks.add)) == 2


def test_a_duplicate_is_not_counted(counting):
    with counting() as counted:
        tasks.once.enqueue()
        tasks.once.enqueue()

    assert counted("taskyard_enqueued_total", **of(tasks.once)) == 1


def test_failures_are_counted_by_the_class_of_the_error(counting, effects):
    with counting() as counted:
        tasks.fail_thrice.enqueue()
        drain(scheduled=True)

    of_task = of(tasks.fail_thrice)
    assert counted("taskyard_started_total", **of_task) == 3
    assert counted("taskyard_retried_total", **of_task) == 2
    assert counted("taskyard_failed_attempts_total", exception="ValueError", **of_task) == 3
    assert ends(counted, tasks.fail_thrice) == {"failed": 1}
    assert counted("taskyard_end_to_end_seconds_count", **of_task) == 1
    assert counted("taskyard_run_seconds_count", **of_task) == 3


def test_all_ends_of_a_task_are_there_from_its_first_attempt(counting):
    with counting() as counted:
        tasks.give_back.enqueue(1)
        drain()

    after = counted._after
    of_task = of(tasks.give_back)
    assert {sample.labels["outcome"] for sample in after.having("taskyard_finished_total", **of_task)} == {
        *ENDS
    }
    assert len(after.having("taskyard_retried_total", **of_task)) == 1


def test_a_snooze_is_no_end(counting):
    with counting() as counted:
        tasks.snooze.enqueue(0, 1)
        drain()

    assert ends(counted, tasks.snooze) == {}
    assert counted("taskyard_run_seconds_count", **of(tasks.snooze)) == 1
    assert counted("taskyard_retried_total", **of(tasks.snooze)) == 0


class Ending(SyncEffects):
    """Effects of an attempt whose task is ended by this."""

    def __init__(self, error, record=lambda each: bool(conclude([each]))):
        super().__init__(record)
        self.error = error

    async def call(self, run):
        raise self.error


def attempt_with(effects):
    """Run the one job that waits, in an attempt with these effects."""
    run = prepare(claim(Job.objects.get().pk, "ada"))
    return run_now(attempt(run, effects))


def test_what_is_handed_back_was_started_and_no_more(counting):
    tasks.nothing.enqueue()

    with counting() as counted:
        assert attempt_with(Ending(WorkerStopping())).event == Event.RELEASE

    assert counted("taskyard_started_total", **of(tasks.nothing)) == 1
    assert counted("taskyard_run_seconds_count", **of(tasks.nothing)) == 0


def test_deliberate_delay_is_no_waiting(counting):
    tasks.nothing.using(run_after=timezone.now() + timedelta(hours=1)).enqueue()
    Job.objects.update(
        enqueued_at=timezone.now() - timedelta(hours=2),
        run_after=timezone.now() - timedelta(seconds=100),
        due_at=timezone.now() - timedelta(seconds=100),
    )

    with counting() as counted:
        drain(scheduled=True)

    of_task = of(tasks.nothing)
    assert 100 <= counted("taskyard_queue_wait_seconds_sum", **of_task) < 600
    assert 100 <= counted("taskyard_end_to_end_seconds_sum", **of_task) < 600


def test_a_backoff_is_no_waiting_and_part_of_the_whole(counting):
    job = add_job(
        attempt=1,
        attempts=[{"outcome": "failed", "attempt": 1}],
        enqueued_at=timezone.now() - timedelta(hours=1),
        started_at=timezone.now() - timedelta(hours=1),
        delivered_at=timezone.now() - timedelta(seconds=10),
    )

    with counting() as counted:
        drain()

    of_task = {**of(tasks.nothing), "task": job.task}
    assert 10 <= counted("taskyard_queue_wait_seconds_sum", **of_task) < 600
    assert 3600 <= counted("taskyard_end_to_end_seconds_sum", **of_task) < 4200


def test_a_requeued_job_is_wanted_since_then():
    job = add_job(JobState.FAILED)
    assert wanted_at(job) == PAST

    with timed() as window:
        RETRY.to_one(job)

    assert wanted_at(fresh(job)) in window


def test_a_job_cancelled_while_it_waits_is_counted(counting):
    tasks.nothing.enqueue()
    job = Job.objects.get()

    with counting() as counted:
        CANCEL.to_many(Job.objects.filter(pk=job.pk))

    assert ends(counted, tasks.nothing) == {"cancelled": 1}


def test_a_job_cancelled_while_it_runs_is_counted_once(counting):
    tasks.nothing.enqueue()

    with counting() as counted:
        attempt_with(Ending(CancelRequested()))

    assert ends(counted, tasks.nothing) == {"cancelled": 1}


def test_a_refused_outcome_is_not_counted(counting):
    tasks.nothing.enqueue()

    with counting() as counted:
        assert attempt_with(SyncEffects(lambda _: False)) is None

    assert ends(counted, tasks.nothing) == {}
    assert counted("taskyard_run_seconds_count", **of(tasks.nothing)) == 0


@pytest.mark.parametrize("losses", [0, 10], ids=["rescued", "given up"])
def test_a_dead_workers_job_is_counted(counting, losses):
    begun = timezone.now() - timedelta(seconds=DEATH + 5)
    lost = {"outcome": "lost", "attempt": 1, "error": {"type": "x.WorkerLost", "traceback": ""}}
    add_job(
        JobState.RUNNING,
        worker="nobody",
        started_at=begun,
        last_attempted_at=begun,
        attempts=[lost] * losses,
    )
    dispatcher = Dispatcher()
    dispatcher._healthy_since -= BEAT

    with counting() as counted:
        dispatcher.run_once()

    of_task = of(tasks.nothing)
    assert counted("taskyard_rescued_total", **of_task) == (losses == 0)
    assert ends(counted, tasks.nothing) == ({"failed": 1} if losses else {})
    assert counted("taskyard_failed_attempts_total", exception="WorkerLost", **of_task) == bool(losses)


def test_rounds_of_the_dispatcher_are_counted(counting):
    with counting() as counted:
        Dispatcher().run_once()
        Dispatcher().run_once()

    assert counted("taskyard_dispatcher_rounds_total") == 2


def test_instruments_ask_no_database(django_assert_num_queries):
    from taskyard.compat import task_enqueued
    from taskyard.signals import attempt_ended, attempt_started, job_rescued

    job = add_job(JobState.RUNNING, last_attempted_at=PAST)
    run = prepare(job)
    ended = outcome(job, Event.SUCCEED)
    backend = type(task_backends["default"])

    with django_assert_num_queries(0):
        task_enqueued.send(sender=backend, task_result=run.result)
        attempt_started.send(sender=type(run), run=run)
        attempt_ended.send(sender=type(run), run=run, outcome=ended)
        job_rescued.send(sender=backend, task_result=run.result)

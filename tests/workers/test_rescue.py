"""Dead workers' jobs come back, judged by signs of life and never by a job's age."""

import logging
import sys
from datetime import timedelta

import pytest
from django.db import connection
from django.test import override_settings

from taskyard import TaskResultStatus, get_result, policy, task, task_finished
from taskyard.backend import WorkerOptions
from taskyard.compat import BaseTaskBackend, task_backends
from taskyard.database import DatabaseNow, database_time
from taskyard.exceptions import WorkerLost
from taskyard.models import Job
from taskyard.signals import job_rescued
from taskyard.states import Event, JobState
from taskyard.testing import drain
from taskyard.transitions import claim, conclude, requeue
from taskyard_workers.dispatcher import Dispatcher
from taskyard_workers.membership import BEAT, DEATH, LAST_CLAIM, Membership
from taskyard_workers.models import WorkerProcess
from taskyard_workers.rescue import declare_lost, forget_lost, rescue_orphans
from tests.example.tasks import nothing
from tests.tasks.jobs import add_job, changed, fresh, outcome, row_of, timed

pytestmark = pytest.mark.django_db


@task
@policy(max_rescues=0)
def never_rescued():
    pass


@task
@policy(max_attempts=2, max_rescues=5)
def tried_twice():
    raise ValueError("no luck")


def ago(seconds):
    return database_time(connection) - timedelta(seconds=seconds)


def add_worker(name, silent_for=0.0, **columns):
    return WorkerProcess.objects.create(
        **{
            **{"id": name, "name": name, "backend": "default", "host": "here", "pid": 1, "concurrency": 4},
            **{"started_at": ago(3600), "beat_at": ago(silent_for)},
            **columns,
        }
    )


def running_job(worker, begun_ago=2 * DEATH, **columns):
    begun = ago(begun_ago)
    return add_job(
        JobState.RUNNING, **{"worker": worker, "started_at": begun, "last_attempted_at": begun, **columns}
    )


def seasoned():
    """Return a dispatcher that has been in touch long enough to judge workers dead."""
    dispatcher = Dispatcher()
    dispatcher._healthy_since -= BEAT
    return dispatcher


@pytest.fixture
def membership():
    """A process in the register, its heart beating by hand."""
    lost = []
    membership = Membership(task_backends["default"], WorkerOptions(name="ada"), lambda: lost.append(True))
    membership.join()
    yield membership
    membership.leave()


@pytest.fixture
def finished():
    """Collect what task_finished tells."""
    told = []

    def note(sender, task_result, **_):
        told.append((sender, task_result))

    task_finished.connect(note, weak=False)
    yield told
    task_finished.disconnect(note)


# --- who is dead ---


def test_a_silent_workers_job_is_ready_again(caplog):
    worker = add_worker("ada", silent_for=DEATH + 1)
    job = running_job("ada")

    with timed() as window:
        seasoned().run_once()

    worker.refresh_from_db()
    row = fresh(job)
    assert worker.lost_at in window
    assert (row.state, row.attempt, row.due_at, row.worker) == (JobState.READY, 1, None, "ada")
    assert row.delivered_at in window, "the same round delivers it"
    [entry] = row.attempts
    assert (entry["outcome"], entry["attempt"], entry["worker"]) == ("lost", 1, "ada")
    assert entry["error"]["type"] == "taskyard.exceptions.WorkerLost"
    assert "ada" in entry["error"]["traceback"]
    assert any("lost its worker ada" in record.getMessage() for record in caplog.records)


def test_a_silent_workers_jobs_all_come_back():
    add_worker("ada", silent_for=DEATH + 1)
    for _ in range(5):
        running_job("ada")

    assert declare_lost() == 1
    assert [rescue_orphans(limit=2) for _ in range(4)] == [2, 2, 1, 0]

    assert set(Job.objects.values_list("state", flat=True)) == {JobState.READY}


def test_a_living_workers_long_job_is_left_alone():
    add_worker("ada", silent_for=1)
    job = running_job("ada", begun_ago=30 * 24 * 3600)
    before = row_of(job)

    seasoned().run_once()

    assert row_of(job) == before


def test_a_worker_that_was_silent_for_a_while_is_not_dead():
    add_worker("ada", silent_for=DEATH - 5)
    job = running_job("ada")
    before = row_of(job)

    seasoned().run_once()

    assert row_of(job) == before
    assert WorkerProcess.objects.get().lost_at is None


def test_a_job_claimed_a_moment_ago_is_left_alone():
    """Its worker may be about to enter the register, or was claimed for by one that left since."""
    job = running_job("nobody", begun_ago=DEATH - 5)
    before = row_of(job)

    seasoned().run_once()

    assert row_of(job) == before


def test_a_job_of_a_worker_that_is_in_no_register_comes_back():
    job = running_job("nobody")

    seasoned().run_once()

    row = fresh(job)
    assert row.state == JobState.READY
    assert row.attempts[0]["worker"] == "nobody"


def test_only_the_dead_workers_jobs_come_back():
    add_worker("ada", silent_for=2 * DEATH)
    add_worker("bob")
    dead, living = running_job("ada"), running_job("bob")

    seasoned().run_once()

    assert (fresh(dead).state, fresh(living).state) == (JobState.READY, JobState.RUNNING)


def test_death_is_for_good():
    """A worker that beats again after it was declared lost gets no job back."""
    add_worker("ada", silent_for=0, lost_at=ago(1))
    job = running_job("ada")

    seasoned().run_once()

    assert fresh(job).state == JobState.READY


@pytest.mark.parametrize("state", [state for state in JobState if state != JobState.RUNNING], ids=str.lower)
def test_only_running_jobs_are_rescued(state):
    job = add_job(state, attempt=1, worker="nobody")
    before = row_of(job)

    assert rescue_orphans() == 0
    assert row_of(job) == before


def test_a_dispatcher_that_just_started_judges_nobody():
    """After a time without the database every worker looks dead."""
    add_worker("ada", silent_for=2 * DEATH)
    job = running_job("ada")

    Dispatcher().run_once()

    assert fresh(job).state == JobState.RUNNING
    assert WorkerProcess.objects.get().lost_at is None


def test_nobody_is_declared_lost_twice():
    add_worker("ada", silent_for=2 * DEATH)

    assert [declare_lost(), declare_lost()] == [1, 0]


def test_the_register_forgets_the_lost_after_a_day():
    add_worker("old", lost_at=ago(25 * 3600))
    add_worker("new", lost_at=ago(3600))
    add_worker("alive")

    Dispatcher().run_once()

    assert forget_lost() == 0
    assert set(WorkerProcess.objects.values_list("pk", flat=True)) == {"new", "alive"}


# --- what becomes of the job ---


def test_a_rescued_job_runs_again_and_shows_both_workers():
    job = running_job("nobody")
    seasoned().run_once()

    drain()

    result = get_result(job.id)
    assert result.status == TaskResultStatus.SUCCESSFUL
    assert result.attempts == 2
    assert result.worker_ids[0] == "nobody"
    assert [error.exception_class for error in result.errors] == [WorkerLost]


def test_a_lost_attempt_is_none_of_the_policys_attempts():
    job = running_job("nobody", task=tried_twice.module_path)
    seasoned().run_once()

    drain(scheduled=True)

    assert [entry["outcome"] for entry in fresh(job).attempts] == ["lost", "failed", "failed"]


def lose(job):
    """Let one more worker die of the job."""
    Job.objects.filter(pk=job.pk).update(
        state=JobState.RUNNING,
        worker="nobody",
        attempt=fresh(job).attempt + 1,
        last_attempted_at=ago(2 * DEATH),
    )
    rescue_orphans()


def test_a_job_that_takes_its_workers_with_it_is_failed(finished, caplog):
    job = running_job("nobody", attempt=0)

    for times in (1, 2, 3):
        lose(job)
        assert fresh(job).state == JobState.READY, times
    assert finished == []
    with timed() as window:
        lose(job)

    row = fresh(job)
    assert row.state == JobState.FAILED
    assert row.finished_at in window
    assert row.prune_at in window.later(timedelta(days=7).total_seconds())
    assert [entry["outcome"] for entry in row.attempts] == ["lost"] * 4
    [(sender, result)] = finished
    assert sender is type(task_backends["default"])
    assert (result.id, result.status) == (str(job.id), TaskResultStatus.FAILED)
    assert result.errors[-1].exception_class is WorkerLost
    assert result.finished_at is not None
    assert "max_rescues" in caplog.text


def test_a_policy_may_allow_no_rescue_at_all(finished):
    job = running_job("nobody", task=never_rescued.module_path)

    seasoned().run_once()

    assert fresh(job).state == JobState.FAILED
    assert len(finished) == 1


def test_a_requeue_forgives_the_lost_workers():
    job = running_job("nobody", task=never_rescued.module_path)
    rescue_orphans()
    requeue([job.id])
    drain()

    assert fresh(job).state == JobState.SUCCESSFUL


def test_receivers_see_the_loss_of_a_failed_job_as_they_see_any_other_error():
    seen = []

    def look(**_):
        seen.append(sys.exc_info()[1])

    task_finished.connect(look, weak=False)
    try:
        running_job("nobody", task=never_rescued.module_path)
        rescue_orphans()
    finally:
        task_finished.disconnect(look)

    [error] = seen
    assert isinstance(error, WorkerLost)


UNRUNNABLE = {
    "task-that-is-gone": {"task": "no.such.task"},
    "backend-that-is-gone": {"backend": "gone"},
    "history-of-another-shape": {"attempts": [1, "x"]},
    "arguments-of-another-shape": {"args": {"a": 1}},
}


@pytest.mark.parametrize("columns", UNRUNNABLE.values(), ids=UNRUNNABLE)
def test_an_orphan_that_cannot_run_comes_back_like_any_other(columns):
    odd, healthy = running_job("nobody", **columns), running_job("nobody")

    seasoned().run_once()

    for job in (odd, healthy):
        assert fresh(job).state == JobState.READY
        assert fresh(job).attempts[-1]["outcome"] == "lost"


def test_an_orphan_whose_alias_is_djangos_own_backend_now_keeps_no_other_from_its_rescue():
    djangos_own = f"{BaseTaskBackend.__module__.rpartition('.')[0]}.dummy.DummyBackend"
    odd, healthy = running_job("nobody"), running_job("nobody", backend="leased")

    with override_settings(
        TASKS={
            "default": {"BACKEND": djangos_own},
            "leased": {"BACKEND": "tests.example.backends.RecordingBackend"},
        }
    ):
        seasoned().run_once()

    assert (fresh(odd).state, fresh(healthy).state) == (JobState.READY, JobState.READY)


# --- the one who was only frozen ---


def test_a_thawed_worker_learns_that_it_was_declared_lost(membership):
    assert membership.beat() is True
    WorkerProcess.objects.update(beat_at=DatabaseNow() - timedelta(seconds=DEATH + 1))

    seasoned().run_once()

    assert membership.beat() is False
    assert WorkerProcess.objects.get().lost_at is not None


def test_a_thawed_workers_late_outcome_is_refused(membership, caplog):
    job = add_job()
    held = claim(job.id, membership.worker_id)
    Job.objects.update(last_attempted_at=ago(2 * DEATH))
    WorkerProcess.objects.update(beat_at=DatabaseNow() - timedelta(seconds=DEATH + 1))
    seasoned().run_once()
    assert fresh(job).state == JobState.READY

    assert conclude([outcome(held, Event.SUCCEED, return_value="late")]) == set()

    again = claim(job.id, "bob")
    assert conclude([outcome(held, Event.SUCCEED, return_value="later")]) == set()
    assert conclude([outcome(again, Event.SUCCEED, return_value="in time")]) == {(job.id, 2)}
    assert fresh(job).return_value == "in time"


def test_a_beat_is_a_sign_of_life_by_the_databases_clock(membership):
    WorkerProcess.objects.update(beat_at=ago(DEATH - 1))

    with timed() as window:
        assert membership.beat() is True

    assert WorkerProcess.objects.get().beat_at in window


def test_a_worker_that_cannot_beat_stops_claiming_before_others_take_it_for_dead(membership):
    assert membership.may_claim()

    membership._latest_beat -= LAST_CLAIM

    assert not membership.may_claim()
    assert LAST_CLAIM < DEATH

    membership.beat()
    assert membership.may_claim(), "a beat that got through makes it a living one again"


def test_a_worker_that_was_declared_lost_claims_no_more(membership):
    WorkerProcess.objects.update(lost_at=DatabaseNow())
    membership._latest_beat -= LAST_CLAIM

    assert membership.beat() is False

    assert not membership.may_claim()


def test_a_worker_that_leaves_is_out_of_the_register():
    membership = Membership(task_backends["default"], WorkerOptions(name="ada"), lambda: None)
    membership.join()
    assert WorkerProcess.objects.get().pk == membership.worker_id

    membership.leave()

    assert not WorkerProcess.objects.exists()


def test_a_worker_that_was_declared_lost_leaves_its_entry_behind(membership):
    """Its jobs are told from those of the living by it."""
    WorkerProcess.objects.update(lost_at=DatabaseNow())

    membership.leave()

    assert WorkerProcess.objects.count() == 1


def test_a_namesake_is_warned_of_and_told_apart(membership, caplog):
    other = Membership(task_backends["default"], WorkerOptions(name="ada"), lambda: None)
    with caplog.at_level(logging.WARNING):
        other.join()
    try:
        assert other.worker_id != membership.worker_id
        assert "Another living worker is called 'ada'" in caplog.text
    finally:
        other.leave()


def test_a_job_that_was_rescued_meanwhile_is_not_rescued_twice():
    job = running_job("nobody")
    nothing.enqueue()

    assert [rescue_orphans(), rescue_orphans()] == [1, 0]

    row = fresh(job)
    assert len(row.attempts) == 1
    assert changed(job, row) >= {"state", "attempts"}


# --- what others have stumbled over ---


def test_an_orphan_behind_a_full_batch_of_long_jobs_is_rescued():
    add_worker("alive")
    add_worker("dead", silent_for=2 * DEATH)
    for _ in range(5):
        running_job("alive", begun_ago=24 * 3600)
    orphan = running_job("dead")
    declare_lost()

    assert rescue_orphans(limit=2) == 1
    assert fresh(orphan).state == JobState.READY


def test_a_rescue_is_told_of():
    told = []

    def receive(sender, task_result, **_):
        told.append((task_result.id, task_result.status))

    add_worker("dead", silent_for=2 * DEATH)
    job = running_job("dead")
    declare_lost()
    job_rescued.connect(receive)
    try:
        rescue_orphans()
    finally:
        job_rescued.disconnect(receive)

    assert told == [(str(job.id), TaskResultStatus.READY)]

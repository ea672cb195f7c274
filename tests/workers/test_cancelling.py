"""Cancelling what runs: the request, the worker that hears it, and what becomes of one that came too late."""

import threading
from datetime import timedelta

import pytest

from taskyard import check_cancelled
from taskyard.exceptions import CancelRequested
from taskyard.models import Job
from taskyard.progress import ProgressSlot, current_slot
from taskyard.signals import job_cancelled
from taskyard.states import Event, JobState
from taskyard.transitions import ask_to_cancel, claim, conclude
from taskyard_workers.cancelling import CancelWatch
from taskyard_workers.dispatcher import Dispatcher
from tests.tasks.jobs import add_job, fresh, outcome, row_of

pytestmark = pytest.mark.django_db


class Heard:
    """In place of a process's jobs: notes what it is told to cancel."""

    def __init__(self):
        self.attempts = []

    def __len__(self):
        return 1

    def cancel(self, attempts):
        self.attempts += attempts


def test_a_worker_hears_of_its_own_jobs_alone():
    mine, theirs, unasked = (
        add_job(JobState.RUNNING, worker=worker, attempt=2) for worker in ("ada", "bob", "ada")
    )
    assert ask_to_cancel([mine.id, theirs.id]) == 2
    heard = Heard()

    CancelWatch("ada", heard).look()

    assert heard.attempts == [(mine.id, 2)]
    assert fresh(unasked).cancel_requested_at is None


@pytest.mark.parametrize("state", [state for state in JobState if state != JobState.RUNNING])
def test_only_running_jobs_are_asked_for(state):
    job = add_job(state)
    before = row_of(job)

    assert ask_to_cancel([job.id]) == 0
    assert row_of(job) == before


def test_a_second_request_changes_nothing():
    job = add_job(JobState.RUNNING)

    assert ask_to_cancel([job.id]) == 1
    before = row_of(job)
    assert ask_to_cancel([job.id]) == 0
    assert row_of(job) == before


@pytest.mark.parametrize("event", [Event.RETRY, Event.RELEASE, Event.RESCUE, Event.SNOOZE])
def test_a_request_outlives_the_attempt_it_came_too_late_for(event):
    job = add_job(JobState.RUNNING)
    ask_to_cancel([job.id])
    conclude([outcome(job, event)])
    Job.objects.filter(pk=job.pk).update(delivered_at=job.delivered_at)  # as a message would find it

    told = []

    def receive(sender, task_result, **_):
        told.append(task_result.id)

    assert claim(job.id, "bob") is None
    job_cancelled.connect(receive)
    try:
        Dispatcher().run_once()
    finally:
        job_cancelled.disconnect(receive)

    assert told == [str(job.id)]
    assert fresh(job).state == JobState.CANCELLED
    assert fresh(job).cancel_requested_at is None
    assert fresh(job).prune_at - fresh(job).finished_at == timedelta(days=7)


@pytest.mark.parametrize("event", [Event.SUCCEED, Event.FAIL, Event.CANCEL])
def test_a_request_ends_with_the_job(event):
    job = add_job(JobState.RUNNING)
    ask_to_cancel([job.id])

    conclude([outcome(job, event)])

    assert fresh(job).cancel_requested_at is None


def test_outside_a_job_there_is_nothing_to_cancel():
    check_cancelled()


def test_a_thread_of_the_tasks_own_notices_where_it_asks():
    slot = ProgressSlot()
    token = current_slot.set(slot)
    try:
        check_cancelled()
        threading.Thread(target=setattr, args=(slot, "interrupted", CancelRequested)).start()
        with pytest.raises(CancelRequested):
            while True:
                check_cancelled()
    finally:
        current_slot.reset(token)

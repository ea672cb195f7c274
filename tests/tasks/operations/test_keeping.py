"""Retention: by task and by the state a job finished in."""

from datetime import timedelta

import pytest

from taskyard.compat import InvalidTaskBackend, task_backends
from taskyard.keeping import LONGEST_RETENTION, USUAL_RETENTION, check_retention, kept_for
from taskyard.models import Job
from taskyard.retention import delete_finished, past_retention, prune, retention_of
from taskyard.states import FINISHED, JobState
from taskyard.testing import drain
from tests.tasks.jobs import FUTURE, PAST, add_job, fresh
from tests.tasks.operations.tasks import kept_an_hour, kept_by_state

DAY = timedelta(days=1)


@pytest.mark.parametrize("state", sorted(FINISHED))
def test_the_first_who_says_something_decides(state):
    assert kept_for(state) == USUAL_RETENTION
    assert kept_for(state, None, DAY) == DAY
    assert kept_for(state, DAY * 2, DAY) == DAY * 2
    assert kept_for(state, {state: DAY * 2}, DAY) == DAY * 2
    others = dict.fromkeys(FINISHED - {state}, DAY * 3)
    assert kept_for(state, others, {state: DAY}) == DAY
    assert kept_for(state, others, others) == USUAL_RETENTION


@pytest.mark.parametrize("retention", [timedelta(0), LONGEST_RETENTION, {}, {"FAILED": DAY}])
def test_retentions_are_accepted(retention):
    check_retention(retention)


@pytest.mark.parametrize(
    ("retention", "why"),
    [
        (7, "give a timedelta"),
        (-DAY, "from 0 to 36500 days"),
        (LONGEST_RETENTION + DAY, "from 0 to 36500 days"),
        ({"FAILED": 7}, "give a timedelta"),
        ({"RUNNING": DAY}, "RUNNING: no state that a job finishes in"),
        ({"failed": DAY}, "failed: no state that a job finishes in"),
    ],
)
def test_what_is_no_retention_is_refused(settings, retention, why):
    with pytest.raises(ValueError, match=why):
        check_retention(retention)
    settings.TASKS = {
        **settings.TASKS,
        "odd": {**settings.TASKS["default"], "OPTIONS": {"RETENTION": retention}},
    }
    with pytest.raises(InvalidTaskBackend, match=why):
        task_backends["odd"].alias  # noqa: B018


@pytest.mark.django_db
def test_each_state_is_kept_as_long_as_its_task_says():
    kept_by_state.enqueue()
    kept_by_state.enqueue(fails=True)
    kept_an_hour.enqueue()
    drain()

    kept = {(job.task, job.state): job.prune_at - job.finished_at for job in Job.objects.all()}
    assert kept == {
        (kept_by_state.module_path, "SUCCESSFUL"): USUAL_RETENTION,
        (kept_by_state.module_path, "FAILED"): DAY * 30,
        (kept_an_hour.module_path, "SUCCESSFUL"): timedelta(hours=1),
    }


@pytest.mark.django_db
def test_a_backend_decides_where_the_task_does_not(settings):
    options = {"RETENTION": {"SUCCESSFUL": DAY, "FAILED": DAY * 2}}
    settings.TASKS = {**settings.TASKS, "default": {**settings.TASKS["default"], "OPTIONS": options}}
    job = add_job(task=kept_by_state.module_path)

    assert retention_of(job, JobState.SUCCESSFUL) == DAY
    assert retention_of(job, JobState.FAILED) == DAY * 30
    assert retention_of(add_job(), JobState.CANCELLED) == USUAL_RETENTION


@pytest.mark.django_db
def test_a_job_that_still_holds_its_unique_key_is_kept():
    add_job(JobState.SUCCESSFUL, prune_at=PAST, unique_key="order:1", unique_until=FUTURE)
    add_job(JobState.SUCCESSFUL, prune_at=PAST, unique_key="order:2", unique_until=PAST)
    add_job(JobState.SUCCESSFUL, prune_at=PAST)

    assert past_retention().count() == 2
    assert prune() == 2
    assert Job.objects.get().unique_key == "order:1"


@pytest.mark.django_db
def test_deleting_by_choice_goes_in_batches_and_takes_finished_jobs_alone(monkeypatch):
    monkeypatch.setattr("taskyard.retention.BATCH", 2)
    for state in JobState:
        add_job(state, queue="mail", prune_at=FUTURE if state in FINISHED else None)
    kept = add_job(JobState.FAILED)
    passed = []

    assert delete_finished(Job.objects.filter(queue="mail"), passed.append) == 3

    assert passed == [2, 1]
    assert {job.state for job in Job.objects.filter(queue="mail")} == {"READY", "RUNNING"}
    assert fresh(kept) is not None

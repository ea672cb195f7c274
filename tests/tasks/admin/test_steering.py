"""Steering from the admin: one job by its page, many from the list after a count."""

import html

import pytest
from django.urls import reverse

from taskyard.admin import jobs as job_admin
from taskyard.models import Job
from taskyard.states import JobState
from taskyard.testing import drain
from tests.tasks.jobs import FUTURE, add_job, fresh
from tests.tasks.operations.tasks import once

pytestmark = pytest.mark.django_db

LIST = reverse("admin:taskyard_job_changelist")


def act(client, action, jobs, *, confirmed=True, across=False, query=""):
    chosen = {"action": action, "_selected_action": [job.pk for job in jobs]}
    if across:
        chosen["select_across"] = "1"
    if confirmed:
        chosen["confirmed"] = "yes"
    return html.unescape(client.post(LIST + query, chosen, follow=True).content.decode())


def test_the_page_of_a_job_offers_what_can_be_done(operator):
    offered = {
        state: [
            operation.name
            for operation in operator.get(
                reverse("admin:taskyard_job_change", args=[add_job(state).pk])
            ).context["operations"]
        ]
        for state in JobState
    }

    assert offered == {
        JobState.READY: ["cancel"],
        JobState.RUNNING: ["cancel"],
        JobState.SUCCESSFUL: ["retry"],
        JobState.FAILED: ["retry"],
        JobState.CANCELLED: ["retry"],
    }


def test_a_job_is_retried_from_its_page(operator):
    job = add_job(JobState.FAILED)

    response = operator.post(reverse("admin:taskyard_job_steer", args=[job.pk, "retry"]), follow=True)

    assert "The job is due again." in response.content.decode()
    assert fresh(job).state == JobState.READY


def test_a_job_that_moved_on_is_left_alone_and_the_page_says_so(operator):
    job = add_job(JobState.SUCCESSFUL)

    response = operator.post(reverse("admin:taskyard_job_steer", args=[job.pk, "cancel"]), follow=True)

    assert "The job is successful and was left alone." in response.content.decode()


def test_a_unique_conflict_explains_itself(operator):
    first = once.enqueue(7)
    drain()
    second = once.enqueue(7)

    response = operator.post(reverse("admin:taskyard_job_steer", args=[first.id, "retry"]), follow=True)

    assert f"it is unique, and job {second.id} with the same key" in response.content.decode()


def test_a_look_does_nothing(operator):
    job = add_job(JobState.FAILED)

    assert operator.get(reverse("admin:taskyard_job_steer", args=[job.pk, "retry"])).status_code == 405
    assert operator.post(reverse("admin:taskyard_job_steer", args=[job.pk, "burn"])).status_code == 404
    assert fresh(job).state == JobState.FAILED


def test_an_action_counts_first(operator):
    jobs = [add_job(JobState.FAILED), add_job(JobState.FAILED), add_job()]

    page = act(operator, "retry", jobs, confirmed=False)

    assert "Of 3 selected jobs, 2 would be due again." in page
    assert [fresh(job).state for job in jobs] == ["FAILED", "FAILED", "READY"]


def test_an_action_is_done_once_confirmed(operator):
    jobs = [add_job(JobState.FAILED), add_job(JobState.FAILED), add_job(JobState.RUNNING)]
    other = add_job(JobState.FAILED)

    page = act(operator, "retry", jobs)

    assert "2 jobs due again." in page
    assert [fresh(job).state for job in [*jobs, other]] == ["READY", "READY", "RUNNING", "FAILED"]


def test_an_action_on_all_that_was_found_leaves_the_rest_alone(operator):
    jobs = [add_job(queue="mail") for _ in range(60)]
    other = add_job()

    page = act(operator, "cancel", jobs[:1], across=True, query="?q=queue:mail")

    assert "60 jobs cancelled." in page
    assert Job.objects.filter(state=JobState.CANCELLED).count() == 60
    assert fresh(other).state == JobState.READY


def test_more_than_one_request_should_do_is_left_for_the_next(operator, monkeypatch):
    monkeypatch.setattr(job_admin, "AT_ONCE", 2)
    monkeypatch.setattr("taskyard.operating.operations.BATCH", 2)
    jobs = [add_job() for _ in range(5)]

    page = act(operator, "cancel", jobs)

    assert "2 jobs cancelled. 3 are left: do it again." in page


def test_jobs_are_hurried(operator):
    job = add_job(delivered_at=None, deliveries=0, due_at=FUTURE)

    page = act(operator, "run_now", [job])

    assert "1 job due now." in page
    assert fresh(job).due_at < FUTURE

"""Steering many jobs: a count first, then the deed in batches, and a record of it."""

import html

import pytest
from django.test import Client
from django.urls import reverse

from taskyard.models import AuditEntry, Job
from taskyard.operating import counting
from taskyard.operating import search as search_module
from taskyard.states import JobState
from taskyard.testing import drain
from taskyard_monitoring.console import bulk
from tests.tasks.jobs import FUTURE, add_job, fresh
from tests.tasks.operations.tasks import once

pytestmark = pytest.mark.django_db


def address(name):
    return reverse("taskyard:jobs_steer", args=[name])


def chosen(*jobs):
    return {"job": [str(job.pk) for job in jobs]}


def words(response):
    return " ".join(html.unescape(response.content.decode()).split())


def question(client, name, **form):
    response = client.get(address(name), form, headers={"HX-Request": "true"})
    assert response.status_code == 200
    return response


def answered(client, name, asked, **more):
    """Send the form of a question."""
    form = {}
    for key, value in asked.context["question"].values:
        form.setdefault(key, []).append(value)
    return client.post(address(name), {**form, **more}, follow=True)


# --- who may ---


@pytest.mark.parametrize("method", ["get", "post"])
def test_who_may_only_look_cannot_steer(viewer, method):
    job = add_job(JobState.FAILED)

    response = getattr(viewer, method)(address("retry"), chosen(job))

    assert response.status_code == 403
    assert "taskyard_monitoring.operate_console" in words(response)
    assert fresh(job).state == JobState.FAILED


def test_a_form_from_elsewhere_is_refused(operator):
    job = add_job(JobState.FAILED)
    client = Client(enforce_csrf_checks=True)
    client.cookies = operator.cookies

    assert client.post(address("retry"), chosen(job)).status_code == 403
    assert fresh(job).state == JobState.FAILED


def test_a_question_does_nothing_and_there_are_three(operator):
    job = add_job(JobState.FAILED)

    question(operator, "retry", **chosen(job))

    assert fresh(job).state == JobState.FAILED
    assert not AuditEntry.objects.exists()
    assert operator.get(address("burn"), chosen(job)).status_code == 404


# --- how many it would be ---


def test_the_question_counts_what_can_be_done(operator):
    jobs = [
        add_job(JobState.FAILED),
        add_job(JobState.FAILED),
        add_job(JobState.SUCCESSFUL),
        add_job(JobState.READY),
    ]

    page = words(question(operator, "retry", **chosen(*jobs)))

    assert "Retry: 3 of 4 jobs" in page
    assert "Only finished jobs can be retried." in page
    assert "2 failed" in page
    assert "1 successful: what they did would be done again" in page


def test_all_that_match_are_counted_without_their_ids(operator):
    for _ in range(3):
        add_job(JobState.FAILED, queue="mail")
    add_job(JobState.FAILED)
    add_job(queue="mail")

    page = words(question(operator, "retry", q="queue:mail", all="1"))

    assert "Retry: 3 of 4 jobs" in page
    assert "Chosen are all that match: queue:mail." in page


def test_what_no_index_leads_to_is_looked_for_among_the_newest(operator, monkeypatch):
    monkeypatch.setattr(search_module, "WINDOW", 2)
    old = add_job(queue="mail")
    new = [add_job(queue="mail") for _ in range(2)]

    asked = question(operator, "cancel", q="queue:mail", all="1")
    answered(operator, "cancel", asked)

    assert "Cancel: 2 of 2 jobs" in words(asked)
    assert "among the newest" in words(asked)
    assert {fresh(job).state for job in new} == {JobState.CANCELLED}
    assert fresh(old).state == JobState.READY


def test_the_next_page_knows_what_was_done(operator):
    job = add_job(JobState.FAILED)
    operator.get(reverse("taskyard:jobs"))

    listed = answered(operator, "retry", question(operator, "retry", **chosen(job)))

    counts = {tab.state: str(tab.count) for tab in listed.context["tabs"]}
    assert [counts["failed"], counts["waiting"]] == ["0", "1"]


def test_a_count_stops_at_the_cap(operator, monkeypatch):
    for module in (bulk, counting):
        monkeypatch.setattr(module, "CAP", 2)
    monkeypatch.setattr(counting.Capped, "cap", 2)
    for _ in range(3):
        add_job(JobState.FAILED)

    assert "Retry: 2+ of 2+ jobs" in words(question(operator, "retry", all="1"))


def test_nothing_to_do_says_so_and_has_no_button(operator):
    page = words(question(operator, "cancel", **chosen(add_job(JobState.FAILED))))

    assert "Cancel: 0 of 1 job" in page
    assert "Only jobs that wait or run can be cancelled." in page
    assert 'name="reason"' not in page


@pytest.mark.parametrize("form", [{}, {"job": "nonsense"}, {"q": "state:nonsense", "all": "1"}])
def test_what_cannot_be_read_is_explained(operator, form):
    assert "Nothing to do" in words(question(operator, "retry", **form))


# --- the deed ---


def test_the_chosen_are_retried_and_it_is_recorded_why(operator):
    failed, left = add_job(JobState.FAILED), add_job(JobState.FAILED)

    asked = question(operator, "retry", **chosen(failed))
    response = answered(operator, "retry", asked, reason="the disk was full")

    assert "1 job due again." in words(response)
    assert [fresh(failed).state, fresh(left).state] == [JobState.READY, JobState.FAILED]
    entry = AuditEntry.objects.get()
    assert [entry.user, entry.source, entry.action, entry.count, entry.reason] == [
        *("operator", "console", "retry", 1, "the disk was full")
    ]
    assert str(failed.pk) in entry.subject


def test_all_that_match_are_cancelled_and_newcomers_are_not(operator):
    jobs = [add_job(queue="mail") for _ in range(3)]
    asked = question(operator, "cancel", q="queue:mail", all="1")
    newcomer = add_job(queue="mail")

    response = answered(operator, "cancel", asked)

    assert "3 jobs cancelled." in words(response)
    assert {fresh(job).state for job in jobs} == {JobState.CANCELLED}
    assert fresh(newcomer).state == JobState.READY
    assert AuditEntry.objects.get().subject == "queue:mail"


def test_what_waits_for_its_time_is_run_now(operator):
    job = add_job(delivered_at=None, deliveries=0, due_at=FUTURE)

    answered(operator, "run-now", question(operator, "run-now", **chosen(job)))

    assert fresh(job).due_at < FUTURE


def test_many_are_gone_through_in_batches_each_with_what_is_left(operator, monkeypatch):
    monkeypatch.setattr(bulk, "AT_ONCE", 2)
    for _ in range(5):
        add_job(queue="mail")

    response = answered(
        operator, "cancel", question(operator, "cancel", q="queue:mail", all="1"), reason="why"
    )
    left = []
    while "values" in (response.context or {}) and response.context["values"]:
        left.append(str(response.context["done"].left))
        form = {**dict(response.context["values"]), "so_far": response.context["so_far"], "reason": "why"}
        response = operator.post(address("cancel"), form, follow=True)

    assert left == ["3", "1"]
    assert "5 jobs cancelled" in words(response)
    assert not Job.objects.filter(state=JobState.READY).exists()
    assert [entry.count for entry in AuditEntry.objects.order_by("pk")] == [2, 2, 1]


def test_a_unique_conflict_explains_itself(operator):
    first = once.enqueue(7)
    drain()
    second = once.enqueue(7)

    asked = question(operator, "retry", job=str(first.id))
    page = words(answered(operator, "retry", asked))

    assert "1 was left alone: another job with the same unique key is there." in page
    assert f"it is unique, and job {second.id} with the same key" in page
    assert not AuditEntry.objects.exists()


def test_conflicts_do_not_keep_the_batches_from_an_end(operator, monkeypatch):
    monkeypatch.setattr(bulk, "AT_ONCE", 1)
    finished = []
    for number in range(2):
        finished.append(once.enqueue(number))
        drain()
        once.enqueue(number)

    asked = question(operator, "retry", job=[each.id for each in finished])
    first = answered(operator, "retry", asked)
    form = {}
    for key, value in first.context["values"]:
        form.setdefault(key, []).append(value)
    second = operator.post(address("retry"), {**form, "so_far": "0"}, follow=True)

    assert first.context["done"].rest is not None
    assert second.context["done"].rest is None
    assert "left alone" in words(second)


def test_without_a_script_the_question_is_a_page_of_its_own(operator):
    job = add_job(JobState.FAILED)

    response = operator.get(address("retry"), {**chosen(job), "q": "state:failed"})

    assert "<html" in response.content.decode()
    assert "Retry: 1 of 1 job" in words(response)

"""Jobs in the admin: found, looked at, and left alone by those who may not steer them."""

import html
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from taskyard.operating import counting, search
from taskyard.states import JobState
from tests.tasks.jobs import add_job, row_of

pytestmark = pytest.mark.django_db

LIST = reverse("admin:taskyard_job_changelist")


def page(job):
    return reverse("admin:taskyard_job_change", args=[job.pk])


def listed(client, **query):
    """Return the ids of the jobs that the list shows."""
    response = client.get(LIST, query)
    assert response.status_code == 200
    return {job.pk for job in response.context["cl"].result_list}


def text_of(response):
    return html.unescape(response.content.decode())


@pytest.mark.parametrize("state", JobState)
def test_a_job_in_any_state_is_listed_and_opens(viewer, state):
    job = add_job(state, kwargs={"order": 42})

    assert listed(viewer) == {job.pk}
    shown = text_of(viewer.get(page(job)))
    assert "order=42" in shown


def test_errors_and_arguments_cannot_break_out_of_the_page(viewer):
    job = add_job(JobState.FAILED, args=["<script>alert(1)</script>"])

    for address in (LIST, page(job)):
        assert "<script>alert(1)" not in viewer.get(address).content.decode()


@pytest.mark.parametrize(
    "words",
    ["args.order:42", "state:running", "queue:mail", "nothing", "args.order:42 queue:mail state:running"],
)
def test_a_job_is_found_by_words(viewer, words):
    job = add_job(JobState.RUNNING, kwargs={"order": 42}, queue="mail")
    add_job(task="shop.tasks.other", kwargs={"order": 43})

    assert listed(viewer, q=words) == {job.pk}


def test_a_job_is_found_by_its_id(viewer):
    job = add_job()
    add_job()

    assert listed(viewer, q=str(job.pk)) == {job.pk}


def test_filters_and_words_narrow_together(viewer):
    job = add_job(JobState.FAILED, queue="mail")
    add_job(JobState.FAILED)
    add_job(queue="mail")

    assert listed(viewer, state="failed", q="queue:mail") == {job.pk}


def test_a_search_that_cannot_be_read_says_so_and_finds_nothing(viewer):
    add_job()

    response = viewer.get(LIST, {"q": "state:wild"})

    assert "Nothing was looked for. 'wild' is no state" in text_of(response)
    assert not response.context["cl"].result_list


def test_no_other_column_can_be_filtered_by(viewer):
    assert viewer.get(LIST, {"task__icontains": "e"}).status_code == 400


def test_an_unknown_job_is_no_fault_of_the_server(viewer):
    response = viewer.get(reverse("admin:taskyard_job_change", args=[uuid4()]))

    assert response.status_code == 302


def test_counts_end_at_the_cap(viewer, monkeypatch):
    monkeypatch.setattr(counting, "CAP", 5)
    monkeypatch.setattr(counting.Capped, "cap", 5)
    for _ in range(7):
        add_job(JobState.FAILED)

    shown = text_of(viewer.get(LIST))

    assert "5+ jobs" in shown
    assert "failed (5+)" in shown


def test_the_big_table_is_never_counted(viewer):
    for _ in range(3):
        add_job()

    with CaptureQueriesContext(
        connection,
    ) as queries:
        viewer.get(LIST, {"q": "queue:default"})

    counts = [each["sql"] for each in queries if "COUNT(" in each["sql"] and "taskyard_job" in each["sql"]]
    assert counts
    assert all("LIMIT" in sql for sql in counts)


def test_a_search_beyond_the_window_says_where_it_ended(viewer, monkeypatch):
    monkeypatch.setattr(search, "WINDOW", 3)
    old = add_job(queue="mail")
    for _ in range(3):
        add_job()

    response = viewer.get(LIST, {"q": "queue:mail"})

    assert list(response.context["cl"].result_list) == []
    assert "Looked for among the newest" in text_of(response)
    assert listed(viewer) >= {old.pk}


def test_who_may_only_look_finds_nothing_to_press(viewer):
    job = add_job(JobState.FAILED)
    before = row_of(job)

    assert "Retry" not in text_of(viewer.get(LIST))
    assert "Retry" not in text_of(viewer.get(page(job)))
    steer = reverse("admin:taskyard_job_steer", args=[job.pk, "retry"])
    assert viewer.post(steer).status_code == 403
    viewer.post(LIST, {"action": "retry", "_selected_action": [job.pk], "confirmed": "yes"})
    assert row_of(job) == before


def test_who_may_not_look_sees_nothing(signed_in):
    job = add_job()
    nobody = signed_in()

    assert nobody.get(LIST).status_code == 403
    assert nobody.get(page(job)).status_code == 403


def test_nobody_adds_changes_or_deletes_a_job_by_hand(admin_client):
    job = add_job()
    before = row_of(job)

    assert admin_client.get(reverse("admin:taskyard_job_add")).status_code == 403
    assert admin_client.post(reverse("admin:taskyard_job_delete", args=[job.pk])).status_code == 403
    assert admin_client.post(page(job), {"queue": "mail"}).status_code == 403
    assert row_of(job) == before

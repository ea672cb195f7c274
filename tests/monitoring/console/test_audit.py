"""The audit: who did what to how many and why, for those who administer."""

import html

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from taskyard.operating import audit
from tests.tasks.jobs import add_job

pytestmark = pytest.mark.django_db


def shown(client, **query):
    response = client.get(reverse("taskyard:audit"), query)
    assert response.status_code == 200
    return response


def subjects(response):
    return [row.entry.subject for row in response.context["entries"]]


def words(response):
    return " ".join(html.unescape(response.content.decode()).split())


def add(subject="queue mail", *, user="ada", action="pause", count=1, reason=""):
    audit.record(user=user, source="console", action=action, subject=subject, count=count, reason=reason)


def test_it_is_closed_to_those_who_do_not_administer(operator):
    assert Client().get(reverse("taskyard:audit")).status_code == 302
    refused = operator.get(reverse("taskyard:audit"))

    assert refused.status_code == 403
    assert "taskyard_monitoring.administer_console" in words(refused)


def test_an_entry_tells_who_did_what_to_how_many_and_why(administrator):
    add("jobs state:failed", action="retry", count=12345, reason="the disk was full")

    page = words(shown(administrator))

    for text in ("ada", "console", "retry", "12,345", "jobs state:failed", "the disk was full"):
        assert text in page


def test_the_newest_come_first_and_are_found_by_each_field(administrator):
    add("queue mail", reason="migration")
    add("queue reports", user="bob")
    add("schedule nightly", action="resume")

    assert subjects(shown(administrator)) == ["schedule nightly", "queue reports", "queue mail"]
    assert subjects(shown(administrator, user="bob")) == ["queue reports"]
    assert subjects(shown(administrator, action="resume")) == ["schedule nightly"]
    assert subjects(shown(administrator, text="MIGRA")) == ["queue mail"]
    assert subjects(shown(administrator, text="queue", user="ada")) == ["queue mail"]
    assert "No entry fits." in words(shown(administrator, user="eve"))


def test_an_empty_audit_says_what_it_is_for(administrator):
    assert "Whoever does is written down here." in words(shown(administrator))


def test_pages_lead_on_to_older_entries(administrator):
    for number in range(60):
        add(f"queue {number}", user="bob" if number % 2 else "ada")

    first = shown(administrator)
    second = administrator.get(first.context["older_url"])

    assert subjects(first) + subjects(second) == [f"queue {number}" for number in reversed(range(60))]
    assert second.context["older_url"] is None


def test_a_page_that_ends_early_says_so_and_keeps_the_filter(administrator, monkeypatch):
    monkeypatch.setattr(audit, "WINDOW", 3)
    add("queue wanted", user="bob")
    for _ in range(4):
        add()

    first = shown(administrator, user="bob")
    second = administrator.get(first.context["older_url"])

    assert subjects(first) == []
    assert "entries were looked through" in words(first)
    assert subjects(second) == ["queue wanted"]


@pytest.mark.parametrize("before", ["x", "-1", "9" * 40, "²", ""])
def test_a_place_that_is_none_is_the_first_page(administrator, before):
    add()

    assert subjects(shown(administrator, before=before)) == ["queue mail"]


def test_a_job_is_linked(administrator):
    job = add_job()
    add(f"job {job.pk} of {job.task}", action="cancel")

    assert reverse("taskyard:job", args=[job.pk]) in words(shown(administrator))


def test_a_search_is_linked_and_other_things_are_not(administrator):
    for subject in ("queue:mail state:failed", "queue mail", "schedule nightly"):
        add(subject)

    links = [row.search_url for row in shown(administrator).context["entries"]]

    assert links == ["", "", f"{reverse('taskyard:jobs')}?q=queue:mail+state:failed"]


def test_many_entries_cost_no_more_statements_than_one(administrator):
    add()
    shown(administrator)
    with CaptureQueriesContext(connection) as one:
        shown(administrator)
    for _ in range(60):
        add()

    with CaptureQueriesContext(connection) as many:
        shown(administrator)

    assert len(many) == len(one) <= 8

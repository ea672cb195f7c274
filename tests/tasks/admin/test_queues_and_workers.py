"""Queues and workers in the admin."""

import html

import pytest
from django.urls import reverse
from django.utils import timezone

from taskyard.pauses import pause_queue, paused_queues
from taskyard.states import JobState
from taskyard_workers.models import WorkerProcess
from tests.tasks.jobs import PAST, add_job

pytestmark = pytest.mark.django_db

QUEUES = reverse("admin:taskyard_pausedqueue_changelist")
WORKERS = reverse("admin:taskyard_workers_workerprocess_changelist")


def text_of(response):
    assert response.status_code == 200
    return html.unescape(response.content.decode())


def test_queues_are_listed_whether_paused_or_not(viewer):
    pause_queue("mail", by="bob")
    add_job(queue="nowhere-named")

    shown = text_of(viewer.get(QUEUES))

    for name in ("default", "mail", "reports", "nowhere-named"):
        assert f">{name}</a>" in shown
    assert "by bob" in shown


def test_a_queue_is_paused_and_resumed(operator):
    assert "Queue mail is paused." in text_of(operator.post(QUEUES, {"pause": "mail"}, follow=True))
    assert paused_queues()["mail"].paused_by == "ada"

    assert "Queue mail is resumed." in text_of(operator.post(QUEUES, {"resume": "mail"}, follow=True))
    assert paused_queues() == {}


def test_who_may_only_look_pauses_nothing(viewer):
    assert "<button" not in text_of(viewer.get(QUEUES)).partition('id="content-main"')[2]
    assert viewer.post(QUEUES, {"pause": "mail"}).status_code == 403
    assert paused_queues() == {}


def test_who_may_not_look_sees_nothing(signed_in):
    nobody = signed_in()

    assert nobody.get(QUEUES).status_code == 403
    assert nobody.get(WORKERS).status_code == 403


def add_worker(**columns):
    usual = {"name": "ada", "backend": "default", "host": "here", "pid": 1234, "concurrency": 4}
    now = timezone.now()
    return WorkerProcess.objects.create(
        **{**usual, "id": "ada.1", "started_at": now, "beat_at": now, **columns}
    )


def test_workers_are_listed_with_how_they_do(viewer):
    add_worker()
    add_worker(id="bob.2", beat_at=PAST)
    add_worker(id="cleo.3", beat_at=PAST, lost_at=PAST)
    add_job(JobState.RUNNING, worker="ada.1")

    shown = text_of(viewer.get(WORKERS))

    for word in ("ada.1", "1/4", ">alive<", ">silent<", ">lost<"):
        assert word in shown


def test_without_workers_the_page_says_how_to_start_one(viewer):
    assert "manage.py worker" in text_of(viewer.get(WORKERS))

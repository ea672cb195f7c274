"""What operators see of a queue."""

from datetime import timedelta

import pytest

from taskyard.operating.queues import oldest_waiting, queue_names, queue_statuses
from taskyard.pauses import pause_queue
from taskyard.states import JobState
from tests.tasks.jobs import FUTURE, PAST, add_job

pytestmark = pytest.mark.django_db


def status(queue, backend="default"):
    [found] = [each for each in queue_statuses() if (each.name, each.backend) == (queue, backend)]
    return found


def test_a_queue_that_only_the_settings_name_is_empty():
    mail = status("mail")

    assert (mail.waiting, mail.later, mail.running, mail.oldest, mail.paused) == (0, 0, 0, None, None)


def test_what_waits_runs_and_comes_later_is_counted_by_queue_and_backend():
    for number in range(3):
        add_job(queue="mail", delivered_at=PAST + timedelta(hours=number), priority=number * 10)
    add_job(queue="mail", delivered_at=None, deliveries=0, due_at=FUTURE)
    add_job(JobState.RUNNING, queue="mail")
    add_job(JobState.RUNNING, queue="mail", backend="leased")
    add_job(JobState.FAILED, queue="mail")

    mail = status("mail")

    assert (mail.waiting, mail.later, mail.running, mail.oldest) == (3, 1, 1, PAST)
    assert status("mail", "leased").running == 1


def test_the_oldest_is_found_on_whatever_priority_it_waits():
    for priority, hour in ((50, 3), (0, 1), (-100, 2), (0, 5)):
        add_job(priority=priority, delivered_at=PAST + timedelta(hours=hour))
    add_job(queue="mail", delivered_at=PAST)

    assert oldest_waiting("default", "default") == PAST + timedelta(hours=1)
    assert oldest_waiting("reports", "default") is None


def test_counts_end_at_the_cap(monkeypatch):
    monkeypatch.setattr("taskyard.operating.counting.CAP", 2)
    monkeypatch.setattr("taskyard.operating.counting.Capped.cap", 2)
    for _ in range(3):
        add_job()

    assert str(status("default").waiting) == "2+"


def test_a_queue_is_known_by_being_named_used_or_paused():
    add_job(queue="used")
    pause_queue("paused-only", by="ada")

    assert queue_names() == ["default", "mail", "paused-only", "reports", "used"]
    assert status("paused-only", "").paused.paused_by == "ada"


def test_a_paused_queue_shows_on_every_backend():
    pause_queue("mail")

    assert status("mail").paused == status("mail", "leased").paused
    assert status("default").paused is None

"""`manage.py queues`, `workers` and `prune_jobs`."""

import pytest
from django.core.management import CommandError
from django.utils import timezone

from taskyard.models import Job
from taskyard.pauses import paused_queues
from taskyard.states import JobState
from taskyard_workers.models import WorkerProcess
from tests.tasks.jobs import FUTURE, PAST, add_job, fresh

pytestmark = pytest.mark.django_db


def test_queues_are_listed(manage, manage_json):
    add_job(queue="mail")
    manage("queues", "pause", "mail", "--by", "ada")

    assert "mail was paused" in manage("queues", "list")
    assert "by ada" in manage("queues", "list")
    found = {(each["queue"], each["backend"]): each for each in manage_json("queues", "list")}
    assert found["mail", "default"]["waiting"] == 1
    assert found["mail", "default"]["paused_by"] == "ada"
    assert found["reports", "default"]["paused_at"] is None


def test_queues_are_paused_and_resumed(manage):
    assert manage("queues", "pause", "mail", "reports") == "mail is paused.\nreports is paused.\n"
    assert set(paused_queues()) == {"mail", "reports"}
    assert paused_queues()["mail"].paused_by
    assert "mail was paused already." in manage("queues", "pause", "mail")
    assert manage("queues", "resume", "mail") == "mail is resumed.\n"
    with pytest.raises(CommandError, match="Not paused: mail"):
        manage("queues", "resume", "mail", "reports")
    assert paused_queues() == {}


def test_a_queue_that_nobody_knows_is_paused_with_a_word_of_warning(manage):
    text = manage("queues", "pause", "mial")

    assert "No backend of this site names mial" in text
    assert "default, mail, reports" in text
    assert "mial is paused." in text


def test_workers_are_listed_with_how_they_do(manage, manage_json):
    assert "No worker runs" in manage("workers", "list")
    now = timezone.now()
    for name, beat, lost in (("ada", now, None), ("bob", PAST, None), ("cleo", PAST, PAST)):
        WorkerProcess.objects.create(
            id=f"{name}.1",
            name=name,
            backend="default",
            host="here",
            pid=1,
            queues=["mail"],
            concurrency=4,
            started_at=now,
            beat_at=beat,
            lost_at=lost,
        )
    add_job(JobState.RUNNING, worker="ada.1")

    states = {each["name"]: (each["state"], each["running"]) for each in manage_json("workers", "list")}
    assert states == {"ada": ("alive", 1), "bob": ("silent", 0), "cleo": ("lost", 0)}
    assert "1/4" in manage("workers", "list")


def test_jobs_past_their_retention_are_pruned(manage):
    for _ in range(3):
        add_job(JobState.SUCCESSFUL, prune_at=PAST)
    kept = add_job(JobState.SUCCESSFUL, prune_at=FUTURE)

    assert manage("prune_jobs", "--dry-run") == "3 jobs would be deleted.\n"
    assert manage("prune_jobs") == "3 jobs deleted.\n"
    assert Job.objects.get() == kept


def test_jobs_are_deleted_by_age_and_filters(manage):
    old = add_job(JobState.FAILED, queue="mail", finished_at=PAST)
    others = [
        add_job(JobState.FAILED, queue="mail", finished_at=timezone.now()),
        add_job(JobState.FAILED, finished_at=PAST),
        add_job(queue="mail"),
    ]
    command = ("prune_jobs", "--older-than", "1d", "--queue", "mail")

    assert manage(*command, "--dry-run") == "1 job would be deleted.\n"
    assert manage(*command, "--yes") == "1 job deleted.\n"
    assert not Job.objects.filter(pk=old.pk).exists()
    assert all(fresh(job) for job in others)


def test_what_prunes_by_age_asks_first(manage):
    job = add_job(JobState.FAILED, finished_at=PAST)

    with pytest.raises(CommandError, match="Delete 1 job for good\\? Nobody is there"):
        manage("prune_jobs", "--older-than", "1d")
    assert fresh(job)


def test_filters_need_an_age(manage):
    with pytest.raises(CommandError, match="Filters go with --older-than"):
        manage("prune_jobs", "--queue", "mail")

"""What operators do leaves an entry, the same from the admin and from the command line."""

import getpass

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from taskyard.models import AuditEntry, Job
from taskyard.operating import operations
from taskyard.operating.audit import CONSOLE, Operator
from taskyard.operating.deeds import on_jobs, run_schedule
from taskyard.operating.operations import CANCEL
from taskyard.schedules.calls import ScheduleFault
from taskyard.states import JobState
from tests.tasks.jobs import FUTURE, PAST, add_job
from tests.tasks.schedules.rows import add_schedule

pytestmark = pytest.mark.django_db

ADA = Operator("ada", CONSOLE, "the provider is down")


def entries():
    """Return what was recorded, oldest first, and forget it."""
    found = [
        (entry.user, entry.source, entry.action, entry.subject, entry.count, entry.reason)
        for entry in AuditEntry.objects.order_by("pk")
    ]
    AuditEntry.objects.all().delete()
    return found


# --- the command line ---


@pytest.fixture
def manage(monkeypatch, capsys):
    """Type a command as ada, with a reason."""
    monkeypatch.setattr(getpass, "getuser", lambda: "ada")

    def run(*arguments):
        call_command(*map(str, arguments), "--reason", "as agreed")

    return run


def waiting():
    """Return a job that waits for its time."""
    return add_job(delivered_at=None, deliveries=0, due_at=FUTURE)


@pytest.mark.parametrize(
    ("action", "make"),
    [("retry", lambda: add_job(JobState.FAILED)), ("cancel", add_job), ("run-now", waiting)],
)
def test_steering_one_job_is_recorded(manage, action, make):
    job = make()

    manage("jobs", action, job.pk)

    subject = f"job {job.pk} of tests.example.tasks.nothing"
    assert entries() == [("ada", "command line", action, subject, 1, "as agreed")]


def test_steering_many_jobs_is_one_entry_with_how_many(manage):
    for _ in range(3):
        add_job(JobState.FAILED, queue="mail", kwargs={"name": "Zoë N"})

    manage("jobs", "retry", "--queue", "mail", "--arg", "name=Zoë N", "--yes")
    manage("jobs", "cancel", "--all", "--yes")

    assert [(action, subject, count) for _, _, action, subject, count, _ in entries()] == [
        ("retry", "queue:mail 'args.name:Zoë N'", 3),
        ("cancel", "all jobs", 3),
    ]


def test_queues_and_schedules_are_recorded(manage):
    add_schedule(name="nightly")

    manage("queues", "pause", "mail", "reports")
    manage("queues", "resume", "mail")
    manage("schedules", "pause", "nightly")
    manage("schedules", "resume", "--all", "--yes")
    manage("schedules", "run", "nightly")

    assert [(action, subject, count) for _, _, action, subject, count, _ in entries()] == [
        ("pause", "queue mail", 1),
        ("pause", "queue reports", 1),
        ("resume", "queue mail", 1),
        ("pause", "schedule nightly", 1),
        ("resume", "schedule nightly", 1),
        ("run", "schedule nightly", 1),
    ]


def test_deleting_by_hand_is_recorded(manage):
    add_job(JobState.FAILED, queue="mail", finished_at=PAST)

    manage("prune_jobs", "--older-than", "2d", "--queue", "mail", "--yes")

    assert entries() == [
        ("ada", "command line", "delete", "queue:mail, finished over 2 d ago", 1, "as agreed")
    ]


def test_what_every_worker_does_by_itself_is_not_recorded(manage):
    add_job(JobState.SUCCESSFUL, prune_at=PAST)

    manage("prune_jobs")

    assert not Job.objects.exists()
    assert entries() == []


def test_looking_counting_and_what_changes_nothing_is_not_recorded(manage):
    job = add_job(JobState.FAILED, finished_at=PAST)
    add_schedule(name="nightly", paused_at=timezone.now())

    manage("jobs", "retry", "--all", "--dry-run")
    manage("jobs", "cancel", "--queue", "mail", "--yes")
    manage("prune_jobs", "--older-than", "2d", "--dry-run")
    manage("schedules", "run", "nightly", "--dry-run")
    manage("schedules", "pause", "nightly")
    with pytest.raises(CommandError):
        manage("jobs", "cancel", job.pk)
    with pytest.raises(CommandError):
        manage("queues", "resume", "mail")

    assert entries() == []


def test_a_user_without_a_name_is_a_number(manage, monkeypatch):
    def nobody():
        raise OSError("No username set in the environment")

    monkeypatch.setattr(getpass, "getuser", nobody)
    manage("queues", "pause", "mail")
    manage("queues", "pause", "reports", "--by", "bob")

    users = [user for user, *_ in entries()]
    assert users[0].startswith("uid ")
    assert users[1] == "bob"


# --- the admin ---


@pytest.fixture
def admin(db):
    """A browser in which eve is signed in, who may do everything."""
    client = Client()
    client.force_login(User.objects.create_superuser("eve"))
    return client


def steer_jobs(client, action, jobs, query="", **more):
    chosen = {"action": action, "_selected_action": [job.pk for job in jobs], **more}
    return client.post(reverse("admin:taskyard_job_changelist") + query, chosen, follow=True)


def test_the_admin_records_what_is_done_to_one_job(admin):
    job = add_job(JobState.FAILED)

    admin.post(reverse("admin:taskyard_job_steer", args=[job.pk, "retry"]))
    admin.post(reverse("admin:taskyard_job_steer", args=[job.pk, "retry"]))  # it is due already

    assert entries() == [("eve", "admin", "retry", f"job {job.pk} of tests.example.tasks.nothing", 1, "")]


def test_the_admin_records_what_is_done_to_selected_jobs_once_confirmed(admin):
    jobs = [add_job(), add_job(), add_job(JobState.FAILED)]

    asked = steer_jobs(admin, "cancel", jobs)
    assert 'name="reason"' in asked.content.decode()
    assert entries() == []
    steer_jobs(admin, "cancel", jobs, confirmed="yes", reason=" wrong prices ")

    subject = f"jobs {', '.join(str(job.pk) for job in jobs)}"
    assert entries() == [("eve", "admin", "cancel", subject, 2, "wrong prices")]


def test_the_admin_records_the_search_behind_all_jobs(admin):
    jobs = [add_job(queue="mail") for _ in range(2)]

    query = "?q=queue%3Amail&since=1d&state=ready"
    add_job(queue="mail", enqueued_at=timezone.now())
    steer_jobs(admin, "cancel", jobs[:1], query, confirmed="yes", select_across="1")

    [(_, _, action, subject, count, _)] = entries()
    assert (action, count) == ("cancel", 1)
    assert subject.startswith("queue:mail state:ready since:2")


def test_the_admin_records_queues_and_schedules(admin):
    schedule = add_schedule(name="nightly")
    queues = reverse("admin:taskyard_pausedqueue_changelist")
    for button in ("pause", "pause", "resume"):
        admin.post(queues, {button: "mail"})
    for action in ("pause", "resume", "run"):
        chosen = {"action": action, "_selected_action": [schedule.pk]}
        admin.post(reverse("admin:taskyard_schedule_changelist"), chosen)

    assert [(user, action, subject) for user, _, action, subject, *_ in entries()] == [
        ("eve", "pause", "queue mail"),
        ("eve", "resume", "queue mail"),
        ("eve", "pause", "schedule nightly"),
        ("eve", "resume", "schedule nightly"),
        ("eve", "run", "schedule nightly"),
    ]


def test_entries_are_looked_at_and_left_alone_in_the_admin(admin):
    for name in ("mail", "reports"):
        admin.post(reverse("admin:taskyard_pausedqueue_changelist"), {"pause": name})
    entry = AuditEntry.objects.get(subject="queue mail")
    page = reverse("admin:taskyard_auditentry_change", args=[entry.pk])
    listing = reverse("admin:taskyard_auditentry_changelist")

    found = admin.get(listing, {"q": "MAIL"}).content.decode()
    assert "queue mail" in found
    assert "queue reports" not in found
    assert "queue mail" in admin.get(page).content.decode()
    assert admin.post(page, {"user": "bob"}).status_code == 403
    assert admin.post(reverse("admin:taskyard_auditentry_delete", args=[entry.pk])).status_code == 403
    assert admin.get(reverse("admin:taskyard_auditentry_add")).status_code == 403
    assert admin.get(listing, {"reason__icontains": "x"}).status_code == 400


def test_entries_are_shown_to_those_who_may_see_them(db):
    bob = User.objects.create_user("bob", is_staff=True)
    client = Client()
    client.force_login(bob)
    listing = reverse("admin:taskyard_auditentry_changelist")

    assert client.get(listing).status_code == 403
    bob.user_permissions.add(Permission.objects.get(codename="view_auditentry"))
    assert client.get(listing).status_code == 200


# --- where it goes wrong ---


def test_what_breaks_off_is_recorded_with_how_far_it_got(monkeypatch):
    monkeypatch.setattr(operations, "BATCH", 2)
    for _ in range(5):
        add_job()
    passed = []

    def interrupt(*numbers):
        passed.append(numbers)
        if len(passed) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        on_jobs(ADA, CANCEL, Job.objects.all(), "all jobs", on_batch=interrupt)

    assert entries() == [("ada", "console", "cancel", "all jobs", 4, "the provider is down")]
    assert Job.objects.filter(state=JobState.CANCELLED).count() == 4


def test_a_schedule_that_cannot_run_leaves_no_entry():
    add_schedule(name="nightly", args=[])

    with pytest.raises(ScheduleFault):
        run_schedule(ADA, "nightly")

    assert entries() == []

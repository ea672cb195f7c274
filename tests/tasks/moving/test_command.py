"""`manage.py jobs move` and `manage.py schedules move`: what they do, what they tell, what they refuse."""

from functools import partial

import pytest
from django.core.management import CommandError

from taskyard.models import AuditEntry, Job, Schedule
from taskyard.operating.terminal import moving
from taskyard.states import Event, JobState
from taskyard.transitions import conclude
from tests.example.tasks import nothing
from tests.tasks.jobs import FUTURE, add_job, fresh, outcome, row_of
from tests.tasks.schedules.rows import add_schedule

pytestmark = pytest.mark.django_db

ENDS = ("--from", "leased", "--to", "default")

add_leased = partial(add_job, backend="leased")


@pytest.fixture
def move(manage):
    """Move jobs from "leased" to "default" without being asked."""
    return partial(manage, "jobs", "move", *ENDS, "--yes")


def backends():
    """Return the jobs' backends, oldest job first."""
    return list(Job.objects.order_by("pk").values_list("backend", flat=True))


def test_the_jobs_that_filters_choose_are_moved_and_the_rest_is_told(move):
    add_leased(queue="reports")
    add_leased(queue="reports", delivered_at=None, due_at=FUTURE)
    add_leased(queue="mail")
    add_leased(JobState.RUNNING, queue="reports")
    add_leased(JobState.FAILED, queue="reports")

    text = move("--queue", "reports")

    assert backends() == ["default", "default", "leased", "leased", "leased"]
    assert "2 jobs moved from 'leased' to 'default'." in text
    assert "1 job running on 'leased': they end there." in text
    assert "waiting on" not in text, "nobody asked for the mail queue"


@pytest.mark.parametrize(
    "filters",
    [["--task", "nothing"], ["--state", "scheduled"], ["--arg", "order=42"], ["--tag", "eu"]],
    ids=lambda filters: filters[0],
)
def test_filters_are_those_of_the_other_verbs(move, filters):
    wanted = {"delivered_at": None, "due_at": FUTURE, "kwargs": {"order": 42}, "metadata": {"tags": ["eu"]}}
    add_leased(**wanted)
    add_leased(task="shop.tasks.send")

    assert "1 job moved" in move(*filters)

    assert backends() == ["default", "leased"]


def test_a_dry_run_only_counts(move, manage_json):
    add_leased()
    add_leased(JobState.RUNNING)

    text = move("--dry-run")

    assert "1 job would be moved from 'leased' to 'default'." in text
    assert "1 job running on 'leased'" in text
    told = {"jobs": 1, "dry_run": True, "waiting": 1, "running": 1, "schedules": []}
    assert manage_json("jobs", "move", *ENDS, "--dry-run") == [told]
    assert backends() == ["leased", "leased"]
    assert not AuditEntry.objects.exists()


def test_json_tells_what_was_moved_and_what_was_left(manage_json):
    for _ in range(3):
        add_leased()
    add_leased(JobState.RUNNING)
    add_schedule(name="nightly", backend="leased")

    told = manage_json("jobs", "move", *ENDS, "--yes", "--limit", "2")

    assert told == [{"jobs": 2, "dry_run": False, "waiting": 1, "running": 1, "schedules": ["nightly"]}]


@pytest.mark.parametrize(("limit", "batch"), [(3, 500), (3, 2), (2, 2)])
def test_a_limit_holds_to_the_job_oldest_first(move, monkeypatch, limit, batch):
    monkeypatch.setattr("taskyard.operating.operations.BATCH", batch)
    for _ in range(5):
        add_leased()

    text = move("--limit", limit)

    assert backends() == ["default"] * limit + ["leased"] * (5 - limit)
    assert f"{5 - limit} jobs of them still waiting on 'leased': over the limit" in text


def test_jobs_are_moved_in_batches(move, monkeypatch):
    monkeypatch.setattr("taskyard.operating.operations.BATCH", 2)
    for _ in range(5):
        add_leased()

    assert "5 jobs moved" in move()


def test_named_jobs_are_moved_and_one_that_is_not_to_be_had_is_named(manage):
    waiting, running = add_leased(), add_leased(JobState.RUNNING)
    add_leased()

    with pytest.raises(CommandError, match=rf"Not moved: {running.pk} is running on 'leased'"):
        manage("jobs", "move", waiting.pk, running.pk, *ENDS, "--yes")

    assert backends() == ["default", "leased", "leased"]


def test_an_entry_says_who_moved_what_where(move):
    add_leased(queue="reports")

    move("--queue", "reports", "--reason", "Redis is full")

    [entry] = AuditEntry.objects.all()
    assert (entry.action, entry.count, entry.reason) == ("move", 1, "Redis is full")
    assert entry.subject == "queue:reports backend:leased, to default"


def test_nobody_there_to_answer_moves_nothing(manage):
    job = add_leased()

    with pytest.raises(CommandError, match=r"Move 1 job from 'leased' to 'default'\? Nobody is there"):
        manage("jobs", "move", *ENDS)

    assert fresh(job).backend == "leased"


def test_nothing_to_move_is_said_and_no_fault(move):
    assert move() == "0 jobs moved from 'leased' to 'default'.\n"


def test_jobs_of_a_backend_that_tasks_does_not_name_any_more_are_moved(manage):
    job = add_job(backend="celery")

    assert "1 job moved from 'celery' to 'default'." in manage(
        "jobs", "move", "--from", "celery", "--to", "default", "--yes"
    )

    assert fresh(job).backend == "default"


# --- what is refused ---


@pytest.mark.parametrize(
    ("ends", "why"),
    [
        (("leased", "leased"), "on 'leased' already: name two backends"),
        (("leased", "arc"), "'arc' runs no jobs. Backends that run jobs: default, leased"),
        (("celary", "default"), "no backend 'celary': TASKS does not name it, and no job is on it"),
    ],
    ids=["same", "unknown-target", "unknown-source"],
)
def test_ends_that_cannot_be_are_refused(manage, ends, why):
    source, target = ends
    add_leased()

    with pytest.raises(CommandError, match=why):
        manage("jobs", "move", "--from", source, "--to", target, "--yes")


@pytest.mark.parametrize("dry_run", [(), ("--dry-run",)], ids=["really", "dry-run"])
def test_a_queue_that_the_target_does_not_have_is_said_before_anything_moves(add_backend, move, dry_run):
    add_backend("default", {"BACKEND": "taskyard_adapters.embedded.EmbeddedBackend", "QUEUES": ["default"]})
    rows = [row_of(add_leased(queue=queue)) for queue in ("default", "mail", "mail")]

    with pytest.raises(CommandError) as refusal:
        move(*dry_run)

    assert "Nothing is moved, because 'default' does not take all of it:" in str(refusal.value)
    assert "- it has no queue 'mail': put that in TASKS['default']['QUEUES']" in str(refusal.value)
    assert "(jobs: 2)" in str(refusal.value)
    assert [row_of(job) for job in Job.objects.order_by("pk")] == rows
    assert "1 job" in move("--queue", "default", *dry_run)


def test_what_the_target_says_of_a_task_is_asked_with_the_jobs_own_queue_and_priority(monkeypatch, move):
    from taskyard.backend import JobBackend
    from taskyard.compat import InvalidTask

    def refuse(self, task):
        raise InvalidTask(f"no {task.queue_name} at {task.priority} on {task.backend}")

    add_leased(queue="mail", priority=7)
    monkeypatch.setattr(JobBackend, "validate_task", refuse)

    with pytest.raises(CommandError, match=r"it refuses .*\.nothing: no mail at 7 on default \(jobs: 1\)"):
        move()


def test_a_task_that_is_gone_moves_like_any_other(move):
    add_leased(task="no.such.task")

    assert "1 job moved" in move()


# --- until nothing is left ---


def test_waiting_goes_on_until_what_ran_has_ended_or_come_back_and_was_moved(move, monkeypatch):
    waiting, running, ending = add_leased(), add_leased(JobState.RUNNING), add_leased(JobState.RUNNING)
    rounds = iter(
        [
            lambda: None,
            lambda: conclude([outcome(running, Event.RETRY, delay=60)]),
            lambda: add_leased(queue="mail"),
            lambda: conclude([outcome(ending, Event.SUCCEED)]),
        ]
    )
    monkeypatch.setattr(moving, "_pause", lambda: next(rounds)())

    text = move("--wait")

    assert text == "3 jobs moved from 'leased' to 'default'.\n"
    assert fresh(waiting).backend == fresh(running).backend == "default"
    assert (fresh(ending).backend, fresh(ending).state) == ("leased", JobState.SUCCESSFUL)
    assert not list(rounds)
    assert [entry.count for entry in AuditEntry.objects.order_by("pk")] == [1, 1, 1]


def test_who_breaks_off_the_waiting_is_told_how_far_it_came(move, monkeypatch):
    add_leased()
    add_leased(JobState.RUNNING)

    def break_off():
        raise KeyboardInterrupt

    monkeypatch.setattr(moving, "_pause", break_off)

    text = move("--wait")

    assert "1 job moved" in text
    assert "1 job running on 'leased'" in text


# --- schedules ---


def test_schedules_that_name_the_backend_are_told_of_and_moved_by_their_own_command(manage, move):
    for name, backend in (("nightly", "leased"), ("hourly", "default"), ("weekly", "")):
        add_schedule(name=name, backend=backend)

    assert "Schedules that go on enqueueing on 'leased': nightly. See: manage.py schedules move" in move()
    assert (
        manage("schedules", "move", "--all", *ENDS, "--dry-run")
        == "1 schedule would be moved to 'default'.\n"
    )
    assert manage("schedules", "move", "--all", *ENDS, "--yes") == "1 schedule moved to 'default'.\n"

    assert dict(Schedule.objects.values_list("name", "backend")) == {
        "nightly": "default",
        "hourly": "default",
        "weekly": "",
    }
    [entry] = AuditEntry.objects.all()
    assert (entry.action, entry.subject) == ("move", "schedules nightly, to default")
    assert "Schedules" not in move()


def test_a_schedule_that_the_target_does_not_take_is_left_with_all_others(manage, add_backend):
    add_schedule(name="nightly", backend="leased", queue="reports", task=nothing.module_path, args=[])
    add_schedule(name="hourly", backend="leased")
    add_backend("default", {"BACKEND": "taskyard_adapters.embedded.EmbeddedBackend", "QUEUES": ["default"]})

    with pytest.raises(CommandError, match=r"nightly cannot be moved to 'default': .*'reports'"):
        manage("schedules", "move", "nightly", "hourly", *ENDS)

    assert set(Schedule.objects.values_list("backend", flat=True)) == {"leased"}
    assert not AuditEntry.objects.exists()

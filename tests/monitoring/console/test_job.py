"""The page of one job: what it is, what became of it, what to do about it, and doing it."""

import html
import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from taskyard.models import AuditEntry, Job
from taskyard.pauses import pause_queue
from taskyard.states import JobState
from taskyard.testing import drain
from taskyard_monitoring.console.job_timeline import drawn, stretches
from taskyard_workers.models import WorkerProcess
from tests.example.tasks import fail, fail_thrice, run_over
from tests.tasks.jobs import FAILURE, FUTURE, PAST, add_job, fresh
from tests.tasks.operations.tasks import once

pytestmark = pytest.mark.django_db


def shown(client, job):
    response = client.get(reverse("taskyard:job", args=[job.pk]))
    assert response.status_code == 200
    return response


def words(response):
    return " ".join(html.unescape(response.content.decode()).split())


def steer(client, job, name, **form):
    return client.post(reverse("taskyard:job_steer", args=[job.pk, name]), form, follow=True)


def alive(**columns):
    return WorkerProcess.objects.create(
        id="ada",
        name="ada",
        backend="default",
        host="ada",
        pid=1,
        concurrency=1,
        **{"started_at": timezone.now(), "beat_at": timezone.now(), **columns},
    )


# --- what it shows ---


def test_a_failed_job_shows_its_newest_traceback_open_and_what_to_do(viewer):
    second = FAILURE | {
        "attempt": 2,
        "error": {"type": "builtins.KeyError", "traceback": "KeyError: 'two'\n"},
    }
    job = add_job(JobState.FAILED, task=fail_thrice.module_path, attempts=[FAILURE, second], attempt=2)

    page = words(shown(viewer, job))

    first_open = re.search(r"<details[^>]* open[^>]*>.*?</details>", page)[0]
    assert "KeyError: 'two'" in first_open
    assert page.count("<details") == 2
    assert len(re.findall(r"<details[^>]* open", page)) == 1
    assert "2 of the 3 attempts that its policy allows failed." in page
    assert "Once its cause is gone, retry" in page


def test_arguments_have_the_names_of_parameters_and_all_their_digits(viewer):
    job = add_job(
        task="tests.example.tasks.leave_slowly",
        args=["a", 12345678901234567890123, "left over"],
        kwargs={"customer": {"id": 9007199254740993}},
    )

    arguments = shown(viewer, job).context["arguments"]

    assert [(each.name, each.text) for each in arguments] == [
        *(("line", '"a"'), ("seconds", "12345678901234567890123"), ("2", '"left over"')),
        ("customer", '{\n  "id": 9007199254740993\n}'),
    ]


def test_secrets_are_shown_nowhere(operator):
    job = add_job(
        JobState.SUCCESSFUL,
        kwargs={"api_key": "opensesame"},
        return_value={"token": "opensesame"},
        metadata={"session": {"cookie": "opensesame"}},
    )

    assert "opensesame" not in words(shown(operator, job))


def test_tags_and_metadata_are_shown(viewer):
    job = add_job(metadata={"tags": ["billing"], "request": "r-17"})

    page = words(shown(viewer, job))

    assert f'href="{reverse("taskyard:jobs")}?q=tag:billing"' in page
    assert "r-17" in page


@pytest.mark.parametrize("job_id", ["nonsense", "01890000-0000-7000-8000-000000000000"])
def test_an_unknown_job_is_a_page_that_says_so(viewer, job_id):
    response = viewer.get(reverse("taskyard:job", args=[job_id]))

    assert response.status_code == 404
    assert f"There is no job '{job_id}'. It may have been pruned." in words(response)


@pytest.mark.parametrize("column", ["args", "kwargs", "attempts", "metadata", "progress"])
@pytest.mark.parametrize("value", [None, 7, "text", [1], {"a": [None]}])
def test_what_other_hands_wrote_does_not_break_the_page(operator, column, value):
    job = add_job(JobState.RUNNING)
    if value is None and column != "progress":
        return
    Job.objects.filter(pk=job.pk).update(**{column: value})

    shown(operator, job)
    assert operator.get(reverse("taskyard:jobs")).status_code == 200


@pytest.mark.parametrize("state", JobState)
def test_every_state_has_a_page_of_few_statements(operator, state):
    job = add_job(state)
    shown(operator, job)

    with CaptureQueriesContext(connection) as queries:
        shown(operator, job)

    assert len(queries) <= 9


def test_flower_is_linked_for_jobs_that_celery_carries(viewer, monkeypatch):
    monkeypatch.setattr("tests.example.backends.RecordingBackend.engine", "celery")
    job, other = add_job(backend="leased"), add_job()

    with override_settings(TASKYARD_MONITORING={"FLOWER_URL": "https://flower.example/"}):
        assert f"https://flower.example/task/{job.pk}" in words(shown(viewer, job))
        assert "flower.example" not in words(shown(viewer, other))
    assert "flower.example" not in words(shown(viewer, job))


# --- what to do about it ---


def test_a_job_that_nobody_will_take_says_so(viewer):
    job = add_job(queue="mail")
    assert "manage.py worker --backend default --queues mail" in words(shown(viewer, job))

    alive(queues=["mail"])
    assert "manage.py worker" not in words(shown(viewer, job))

    pause_queue("mail", by="bob")
    assert "Queue mail was paused" in words(shown(viewer, job))
    assert "by bob" in words(shown(viewer, job))


def test_a_silent_worker_is_named(viewer):
    job = add_job(JobState.RUNNING, worker="ada")
    worker = alive()
    assert "gave its last sign of life" not in words(shown(viewer, job))

    worker.beat_at -= timedelta(minutes=1)
    worker.save()
    assert "gave its last sign of life" in words(shown(viewer, job))


def test_timeouts_lost_workers_and_vanished_tasks_are_explained(viewer):
    late = FAILURE | {"error": {"type": "taskyard.exceptions.JobTimeout", "traceback": "JobTimeout: 0.2 s"}}
    timed_out = add_job(JobState.FAILED, task=run_over.module_path, attempts=[late])
    assert "It ran longer than its timeout of 200 ms." in words(shown(viewer, timed_out))

    lost = add_job(JobState.FAILED, attempts=[{**FAILURE, "outcome": "lost"}])
    assert "Its worker died under it" in words(shown(viewer, lost))

    gone = add_job(JobState.FAILED, task="shop.gone")
    assert "The task shop.gone cannot be imported here." in words(shown(viewer, gone))


# --- the timeline ---


def test_the_timeline_adds_up_to_the_jobs_life():
    def later(seconds):
        return PAST + timedelta(seconds=seconds)

    failure = FAILURE | {"started_at": later(40).isoformat(), "ended_at": later(50).isoformat()}
    job = add_job(
        JobState.SUCCESSFUL,
        run_after=later(30),
        attempts=[failure],
        attempt=2,
        last_attempted_at=later(60),
        finished_at=later(100),
    )

    found = stretches(job, later(1000))

    assert [(each.kind, each.length.total_seconds()) for each in found] == [
        *(("put-off", 30), ("waiting", 10), ("failed", 10), ("waiting", 10), ("succeeded", 40))
    ]
    assert [(piece.left, piece.width) for piece in drawn(found)] == [
        (0, 30),
        (30, 10),
        (40, 10),
        (50, 10),
        (60, 40),
    ]


def test_the_shortest_stretch_can_be_seen():
    job = add_job(JobState.SUCCESSFUL, last_attempted_at=FUTURE - timedelta(seconds=1), finished_at=FUTURE)

    last = drawn(stretches(job, FUTURE))[-1]

    assert last.width > 0.5
    assert last.left + last.width <= 100


def test_what_is_not_over_goes_on_until_now(viewer):
    now = PAST + timedelta(seconds=90)

    [waits, runs] = stretches(
        add_job(JobState.RUNNING, last_attempted_at=PAST + timedelta(seconds=60), started_at=PAST), now
    )
    assert [waits.is_over, runs.is_over, runs.kind, runs.end] == [True, False, "running", now]

    [waits] = stretches(add_job(), now)
    assert [waits.kind, waits.is_over, waits.end] == ["waiting", False, now]

    [put_off] = stretches(add_job(delivered_at=None, due_at=FUTURE, run_after=FUTURE), now)
    assert [put_off.kind, put_off.is_over, put_off.end] == ["put-off", False, now]


# --- steering ---


def test_the_page_offers_what_can_be_done_to_those_who_may(operator, viewer):
    offered = {
        state: [operation.name for operation in shown(operator, add_job(state)).context["operations"]]
        for state in JobState
    }

    assert offered == {
        JobState.READY: ["cancel"],
        JobState.RUNNING: ["cancel"],
        JobState.SUCCESSFUL: ["retry"],
        JobState.FAILED: ["retry"],
        JobState.CANCELLED: ["retry"],
    }
    assert "Retry…" not in words(shown(viewer, add_job(JobState.FAILED)))


def test_a_question_comes_first_and_does_nothing(operator):
    job = add_job(JobState.FAILED)

    page = words(operator.get(reverse("taskyard:job_steer", args=[job.pk, "retry"])))

    assert "Retry nothing?" in page
    assert 'name="reason"' in page
    assert fresh(job).state == JobState.FAILED


def test_a_job_is_retried_and_it_is_recorded_why(operator):
    job = add_job(JobState.FAILED)

    page = words(
        steer(operator, job, "retry", reason="disk full", back=reverse("taskyard:job", args=[job.pk]))
    )

    assert "The job is due again." in page
    assert fresh(job).state == JobState.READY
    entry = AuditEntry.objects.get()
    assert [entry.user, entry.source, entry.action, entry.reason] == [
        "operator",
        "console",
        "retry",
        "disk full",
    ]
    assert str(job.pk) in entry.subject


def test_a_job_that_has_moved_on_is_left_alone(operator):
    page = words(steer(operator, add_job(JobState.SUCCESSFUL), "cancel"))

    assert "The job is successful and was left alone." in page
    assert not AuditEntry.objects.exists()


def test_a_unique_conflict_explains_itself(operator):
    first = once.enqueue(7)
    drain()
    second = once.enqueue(7)

    page = words(steer(operator, Job.objects.get(pk=first.id), "retry"))

    assert f"it is unique, and job {second.id} with the same key" in page


def test_who_may_not_steer_does_not(viewer, operator):
    job = add_job(JobState.FAILED)

    assert steer(viewer, job, "retry").status_code == 403
    client = Client(enforce_csrf_checks=True)
    client.cookies = operator.cookies
    assert client.post(reverse("taskyard:job_steer", args=[job.pk, "retry"])).status_code == 403
    assert fresh(job).state == JobState.FAILED


def test_there_are_three_operations_and_they_are_posted(operator):
    job = add_job(JobState.FAILED)

    assert operator.get(reverse("taskyard:job_steer", args=[job.pk, "burn"])).status_code == 404
    assert operator.put(reverse("taskyard:job_steer", args=[job.pk, "retry"])).status_code == 405
    assert operator.post(reverse("taskyard:job_steer", args=["nonsense", "retry"])).status_code in (302, 404)


def test_who_is_not_signed_in_and_who_may_not_look_see_nothing(signed_in):
    address = reverse("taskyard:job", args=[add_job().pk])

    assert Client().get(address).status_code == 302
    assert signed_in().get(address).status_code == 403


def test_a_real_failure_reads_as_it_should(viewer):
    fail.enqueue("no luck today")
    drain()

    page = words(shown(viewer, Job.objects.get()))

    assert "ValueError: no luck today" in page
    assert "Its one attempt failed." in page


@pytest.mark.skipif(connection.vendor == "mysql", reason="its session has the server's zone, not the site's")
def test_pages_read_as_well_where_times_have_no_zone(viewer):
    with override_settings(USE_TZ=False):
        fail.enqueue()
        fail.using(run_after=timezone.now() + timedelta(hours=1)).enqueue()
        drain()
        for each in Job.objects.all():
            page = shown(viewer, each)
            assert page.context["pieces"]
            assert 'datetime="' in page.content.decode()
        listed = viewer.get(reverse("taskyard:jobs"), {"q": "since:1h"})
        assert [row.state for row in listed.context["rows"]] == ["scheduled", "failed"]

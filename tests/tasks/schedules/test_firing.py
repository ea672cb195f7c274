"""Jobs of the slots that have come: each slot becomes a job, and the schedule moves on."""

from datetime import timedelta

import pytest

from taskyard import policy, task
from taskyard.models import Job, Missed, Schedule
from taskyard.schedules.calendar import between
from taskyard.schedules.firing import fire_due, seconds_until_next
from taskyard.schedules.times import rule_for
from taskyard.states import JobState
from taskyard.testing import drain
from tests.example.backends import RecordingBackend
from tests.example.tasks import fail, leave, nothing
from tests.tasks.jobs import timed
from tests.tasks.schedules.rows import (
    DAY,
    HOUR,
    add_schedule,
    fresh,
    now,
    slots_of,
)

pytestmark = pytest.mark.django_db


# --- the usual case ---


def test_a_slot_becomes_a_job():
    schedule = add_schedule(due=True, args=["x"], kwargs={})

    assert fire_due() == 1

    job = Job.objects.get()
    assert (job.task, job.args, job.kwargs) == (leave.module_path, ["x"], {})
    assert (job.schedule, job.slot, job.state) == (schedule, schedule.next_slot, JobState.READY)


def test_the_schedule_moves_on_and_says_when_it_fired():
    schedule = add_schedule(due=True)

    with timed() as window:
        fire_due()

    row = fresh(schedule)
    assert row.next_slot == next(rule_for(schedule).after(row.last_fired_at))
    assert row.last_slot == schedule.next_slot
    assert row.last_fired_at in window
    assert row.lateness == row.last_fired_at - row.last_slot
    assert row.changed_at == schedule.changed_at


def test_nothing_is_fired_before_its_time_or_while_paused():
    add_schedule(name="later", next_slot=now() + HOUR)
    add_schedule(name="paused", due=True, paused_at=now())

    assert fire_due() == 0
    assert not Job.objects.exists()


def test_a_slot_is_fired_once():
    schedule = add_schedule(interval=HOUR, late=DAY, missed=Missed.CATCH_UP)

    for _ in range(3):
        fire_due()

    last = fresh(schedule).last_fired_at
    assert slots_of(schedule) == list(between(rule_for(schedule), schedule.next_slot, last))


def test_a_new_schedule_begins_with_its_next_slot():
    schedule = add_schedule()

    assert fire_due() == 1

    assert not Job.objects.exists()
    assert fresh(schedule).next_slot == next(rule_for(schedule).after(now()))


def test_the_job_runs_like_any_other(effects):
    add_schedule(due=True, args=["scheduled"])

    fire_due()
    [result] = drain()

    assert result.args == ["scheduled"]
    assert effects() == ["scheduled"]


def test_a_success_is_noted():
    good = add_schedule(name="good", task=nothing.module_path, args=[], due=True)
    bad = add_schedule(name="bad", task=fail.module_path, due=True)
    fire_due()

    with timed() as window:
        drain()

    assert fresh(good).last_success_at in window
    assert fresh(bad).last_success_at is None


@task
@policy(unique=True)
def one_at_a_time():
    pass


def test_a_unique_job_that_exists_stands_for_the_slots():
    schedule = add_schedule(task=one_at_a_time.module_path, args=[], due=True)
    one_at_a_time.enqueue()

    fire_due()

    assert Job.objects.get().schedule is None
    assert fresh(schedule).next_slot > now()
    assert fresh(schedule).fault == ""


def test_jobs_go_to_their_engine_once_all_is_committed(django_capture_on_commit_callbacks):
    for name in ("one", "two"):
        add_schedule(name=name, due=True, backend="leased")

    with django_capture_on_commit_callbacks(execute=True):
        fire_due()
        assert RecordingBackend.delivered == []

    [batch] = RecordingBackend.delivered
    assert {delivery.job_id for delivery in batch} == set(Job.objects.values_list("id", flat=True))


def test_queue_priority_and_backend_are_the_tasks_unless_the_schedule_says():
    add_schedule(name="as the task", due=True)
    add_schedule(name="as it says", due=True, queue="reports", priority=7, backend="leased")

    fire_due()

    found = Job.objects.order_by("priority").values_list("queue", "priority", "backend")
    assert list(found) == [("default", 0, "default"), ("reports", 7, "leased")]


def test_jitter_starts_a_job_at_random_after_its_slot():
    for number in range(20):
        add_schedule(name=str(number), due=True, jitter=10 * HOUR)

    fire_due()

    offsets = [job.run_after - job.slot for job in Job.objects.all()]
    assert all(timedelta(0) <= offset <= 10 * HOUR for offset in offsets)
    assert len(set(offsets)) > 10
    assert all(job.due_at == job.run_after for job in Job.objects.all())


def test_only_so_many_are_taken_up_at_once():
    for number in range(5):
        add_schedule(name=str(number), due=True)

    assert [fire_due(limit=2) for _ in range(4)] == [2, 2, 1, 0]
    assert Job.objects.count() == 5


# --- edited while due ---


def test_arguments_edited_while_a_slot_is_due_are_those_of_its_job():
    schedule = add_schedule(due=True)
    schedule.args = ["edited"]
    schedule.save()

    fire_due()

    assert Job.objects.get().args == ["edited"]


def test_times_edited_while_a_slot_is_due_hold_from_now_on():
    schedule = add_schedule(interval=HOUR, late=HOUR, missed=Missed.CATCH_UP)
    schedule.interval, schedule.next_slot = 2 * HOUR, None
    schedule.save()

    fire_due()

    assert not Job.objects.exists()
    assert fresh(schedule).next_slot == next(rule_for(schedule).after(now()))


def test_times_edited_by_hand_alone_hold_as_well():
    schedule = add_schedule(due=True)
    Schedule.objects.update(interval=7 * HOUR)

    fire_due()

    row = fresh(schedule)
    assert row.next_slot == next(rule_for(row).after(now()))


# --- when to look again ---


def test_when_the_next_slot_comes():
    assert seconds_until_next() is None
    add_schedule(name="paused", due=True, paused_at=now())
    assert seconds_until_next() is None
    add_schedule(name="later", next_slot=now() + 2 * HOUR)
    assert 7190 < seconds_until_next() <= 7200
    add_schedule(name="due", due=True)
    assert seconds_until_next() < 0


def test_a_schedule_that_nobody_has_reckoned_is_due():
    add_schedule(name="due", due=True)
    add_schedule(name="new")
    assert seconds_until_next() == 0


def test_where_nothing_is_due_one_question_is_asked(django_assert_num_queries):
    add_schedule(next_slot=now() + HOUR)

    with django_assert_num_queries(1):
        assert fire_due() == 0

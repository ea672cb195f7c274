"""Jobs of the slots that have come: each slot once, in the transaction that moves the schedule on."""

import logging
from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import connection, transaction
from django.test import override_settings

from taskyard import policy, task
from taskyard.compat import BaseTaskBackend
from taskyard.models import Job, Missed, Overlap, Schedule
from taskyard.schedules import firing
from taskyard.schedules.calendar import between
from taskyard.schedules.firing import fire_due, seconds_until_next
from taskyard.schedules.missed import MOST_AT_ONCE
from taskyard.schedules.times import moment_of, rule_for, stored
from taskyard.states import JobState
from taskyard.testing import drain
from tests.example.backends import RecordingBackend
from tests.example.tasks import fail, leave, nothing
from tests.support.servers import wait_until
from tests.tasks.jobs import add_job, timed
from tests.tasks.schedules.rows import (
    DAY,
    HOUR,
    add_schedule,
    clock_jumps,
    fresh,
    now,
    set_pending,
    slots_of,
)
from tests.tasks.threads import at_once

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


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


# --- once, whatever happens ---


@pytest.mark.django_db(transaction=True)
def test_many_dispatchers_at_once_fire_each_slot_once():
    schedules = [add_schedule(name=str(number), due=True) for number in range(20)]

    at_once(*[fire_due] * 6)
    while fire_due():
        pass

    assert sorted(Job.objects.values_list("schedule", "slot")) == sorted(
        (schedule.pk, schedule.next_slot) for schedule in schedules
    )


@pytest.mark.django_db(transaction=True)
def test_the_job_and_the_move_are_one_transaction():
    schedule = add_schedule(due=True)

    with pytest.raises(RuntimeError, match="killed"), transaction.atomic():
        fire_due()
        assert Job.objects.exists()
        raise RuntimeError("killed")

    assert not Job.objects.exists()
    assert fresh(schedule).next_slot == schedule.next_slot


@pytest.mark.django_db(transaction=True)
def test_a_slot_that_has_a_job_already_gets_no_other():
    """As when a dispatcher reads an old row: the database refuses the second job, and nobody is told of one."""
    schedule = add_schedule(due=True, backend="leased")
    add_job(JobState.SUCCESSFUL, schedule=schedule, slot=schedule.next_slot)

    fire_due()

    assert Job.objects.count() == 1
    assert RecordingBackend.delivered == []
    assert fresh(schedule).next_slot > now()


@pytest.mark.django_db(transaction=True)
def test_a_schedule_in_the_hands_of_another_is_passed_over():
    if not connection.features.has_select_for_update_skip_locked:
        pytest.skip("one writer at a time is the rule here")
    add_schedule(name="theirs", due=True)
    add_schedule(name="mine", due=True)

    with transaction.atomic():
        Schedule.objects.select_for_update().get(name="theirs")
        [fired_meanwhile] = at_once(fire_due)

    assert fired_meanwhile == 1
    assert Job.objects.get().schedule.name == "mine"


@pytest.mark.django_db(transaction=True)
def test_what_others_have_in_their_hands_is_left_to_them_for_a_moment():
    """Not asked for again and again: a dispatcher that hangs would have all others spin."""
    if not connection.features.has_select_for_update_skip_locked:
        pytest.skip("one writer at a time is the rule here")
    schedule = add_schedule(due=True)

    with transaction.atomic():
        Schedule.objects.select_for_update().get(pk=schedule.pk)
        assert at_once(fire_due) == [0]

    assert 0 < seconds_until_next() <= firing.PATIENCE
    wait_until(fire_due, "it is fired after all", 5)


# --- what was missed ---


@pytest.mark.parametrize(
    ("columns", "jobs"),
    [
        ({"missed": Missed.SKIP}, 0),
        ({"missed": Missed.RUN_ONCE}, 1),
        ({"missed": Missed.CATCH_UP}, 7),
        ({"missed": Missed.CATCH_UP, "catch_up_window": 3 * DAY}, 3),
    ],
)
def test_a_week_without_dispatcher(columns, jobs):
    late = 2 * HOUR
    daily = (now() - late).strftime("%M %H * * *")
    schedule = add_schedule(cron=daily, **columns)
    set_pending(schedule, now() - 6 * DAY - late + 5 * MINUTE)

    fire_due()

    assert len(slots_of(schedule)) == jobs
    assert now() < fresh(schedule).next_slot < now() + DAY


def test_a_long_catching_up_is_done_in_parts():
    schedule = add_schedule(interval=MINUTE, late=4 * HOUR, missed=Missed.CATCH_UP)

    fire_due()
    assert Job.objects.count() == MOST_AT_ONCE
    assert seconds_until_next() < 0
    while fire_due():
        pass

    slots = slots_of(schedule)
    assert slots[0] == schedule.next_slot
    assert {later - slot for slot, later in pairwise(slots)} == {MINUTE}
    assert slots[-1] + MINUTE == fresh(schedule).next_slot


# --- a clock that jumps ---


def test_a_clock_that_jumps_back_fires_nothing_twice():
    schedule = add_schedule(interval=HOUR, late=HOUR)
    fire_due()

    clock_jumps(-3 * HOUR)
    assert fire_due() == 0
    clock_jumps(3 * HOUR)
    clock_jumps(HOUR)
    fire_due()

    slots = slots_of(schedule)
    assert len(slots) == len(set(slots)) == 2


def test_a_clock_that_jumps_ahead_is_a_time_without_dispatcher():
    schedule = add_schedule(interval=HOUR, late=HOUR, missed=Missed.SKIP)
    fire_due()

    clock_jumps(5 * HOUR + 10 * MINUTE)
    fire_due()

    assert len(slots_of(schedule)) <= 2, "none of the five missed; one before or after may have been on time"
    assert now() < fresh(schedule).next_slot <= now() + HOUR


# --- one after the other ---


@pytest.mark.parametrize(
    ("overlap", "state", "jobs"),
    [
        (Overlap.SKIP, JobState.READY, 0),
        (Overlap.SKIP, JobState.RUNNING, 0),
        (Overlap.SKIP, JobState.SUCCESSFUL, 1),
        (Overlap.SKIP, JobState.FAILED, 1),
        (Overlap.ALLOW, JobState.RUNNING, 1),
    ],
)
def test_a_slot_while_an_earlier_job_is_not_finished(overlap, state, jobs):
    schedule = add_schedule(due=True, overlap=overlap)
    add_job(state, schedule=schedule, slot=schedule.next_slot - HOUR)

    fire_due()

    assert Job.objects.filter(slot=schedule.next_slot).count() == jobs
    assert fresh(schedule).next_slot > now()
    assert (fresh(schedule).last_slot is not None) == bool(jobs)


def test_whether_an_earlier_job_is_unfinished_is_read_from_the_few_that_are():
    if connection.vendor == "mysql":
        pytest.skip("has no indexes of a part of a table")
    schedule = add_schedule()
    for number in range(50):
        add_job(JobState.SUCCESSFUL, schedule=schedule, slot=now() - number * HOUR)

    explain = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"{explain} {firing.UNFINISHED.format('%s, %s')}", [schedule.pk, 0])
        plan = str(cursor.fetchall())

    assert "taskyard_job_scheduled" in plan


def test_jobs_of_other_schedules_do_not_count_as_earlier():
    add_job(JobState.RUNNING, schedule=add_schedule(name="other", next_slot=now() + HOUR))
    schedule = add_schedule(due=True, overlap=Overlap.SKIP)

    fire_due()

    assert len(slots_of(schedule)) == 1


def test_of_several_slots_at_once_the_first_goes_where_jobs_must_not_overlap():
    schedule = add_schedule(interval=HOUR, late=5 * HOUR, overlap=Overlap.SKIP, missed=Missed.CATCH_UP)

    fire_due()

    assert slots_of(schedule) == [schedule.next_slot]
    assert fresh(schedule).next_slot > now()


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


# --- faults ---

FAULTY = {
    "unknown task": ({"task": "tests.example.tasks.gone"}, "cannot be imported"),
    "unknown module": ({"task": "tests.gone.task"}, "No module named 'tests.gone'"),
    "broken module": ({"task": "tests.example.broken.task"}, "broken on purpose"),
    "no task": ({"task": "os.path.join"}, "is a function, no task"),
    "too few arguments": ({"args": []}, "missing a required argument: 'line'"),
    "too many arguments": ({"args": [1, 2]}, "too many positional arguments"),
    "unknown argument": ({"kwargs": {"colour": 1}}, "unexpected keyword argument 'colour'"),
    "args no list": ({"args": {"line": 1}}, "must be a JSON list"),
    "unknown backend": ({"backend": "gone"}, "gone"),
    "another's backend": ({"backend": "dummy"}, "is none of Taskyard's"),
    "unknown queue": ({"queue": "gone"}, "Queue 'gone' is not valid for backend"),
    "priority": ({"priority": 1000}, "priority must be a whole number"),
    "cron": ({"interval": None, "cron": "0 25 * * *"}, "'25' is no hour"),
    "time zone": ({"interval": None, "cron": "0 2 * * *", "timezone": "Mars"}, "no time zone 'Mars'"),
    "no times": ({"interval": None}, "a cron expression or an interval"),
    "missed": ({"missed": "gone"}, "'gone' is not a valid Missed"),
}


@pytest.mark.parametrize(("columns", "fault"), FAULTY.values(), ids=FAULTY)
def test_a_schedule_at_fault_says_why_and_the_others_go_on(columns, fault, caplog, add_backend):
    dummy = BaseTaskBackend.__module__.replace("base", "dummy")
    add_backend("dummy", {"BACKEND": f"{dummy}.DummyBackend"})
    pending = now() - HOUR
    bad = add_schedule(name="bad", **columns)
    Schedule.objects.filter(pk=bad.pk).update(next_slot=pending)
    good = add_schedule(name="good", due=True)

    fire_due()
    firing._resting.clear()
    fire_due()

    row = fresh(bad)
    assert fault in row.fault
    assert row.next_slot == pending, "its slots are kept for when it is repaired"
    assert slots_of(bad) == []
    assert len(slots_of(good)) == 1
    assert [record.levelno for record in caplog.records if "'bad' cannot fire" in record.message] == [
        logging.ERROR
    ], "logged once"


def test_a_new_schedule_says_at_once_what_is_wrong_with_it():
    """Not when its first slot comes, which may be in a month."""
    schedule = add_schedule(args=[])

    fire_due()

    assert "missing a required argument" in fresh(schedule).fault


def test_a_schedule_at_fault_rests():
    add_schedule(due=True, args=[])

    assert fire_due() == 1
    assert fire_due() == 0
    assert 0 < seconds_until_next() <= firing.REST


def test_a_repaired_schedule_fires_what_is_pending_and_shows_no_fault():
    schedule = add_schedule(due=True, args=[])
    fire_due()
    schedule.args = ["x"]
    schedule.save()
    firing._resting.clear()

    fire_due()

    assert fresh(schedule).fault == ""
    assert len(slots_of(schedule)) == 1


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


# --- USE_TZ = False ---


def test_without_time_zones_slots_are_local_times():
    if connection.vendor == "mysql":
        pytest.skip("Django leaves MySQL's session in the server's own time zone, which is not the site's")
    with override_settings(USE_TZ=False):
        schedule = add_schedule(cron="0 * * * *", timezone="Europe/Berlin")
        set_pending(schedule, now())

        fire_due()

        [slot] = slots_of(schedule)
        assert slot.tzinfo is None
        assert slot.minute == 0
        assert fresh(schedule).next_slot == stored(next(rule_for(schedule).after(now())))


def test_without_time_zones_the_repeated_hour_has_its_slots_once():
    with override_settings(USE_TZ=False):
        rule = rule_for(add_schedule(cron="30 * * * *", timezone="Europe/Berlin"))
        start = moment_of(stored(moment_of(now()).replace(2026, 10, 24, 22, 0, 0, 0)))
        found = []
        for slot in rule.after(start):
            found.append(f"{stored(slot):%d. %H:%M}")
            if len(found) == 5:
                break

    assert found == ["25. 00:30", "25. 01:30", "25. 02:30", "25. 03:30", "25. 04:30"]

"""What operators do with schedules."""

from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from taskyard.models import Job, Overlap, Schedule
from taskyard.schedules.calls import ScheduleFault
from taskyard.schedules.control import (
    anext_runs,
    apause,
    aresume,
    arun_now,
    next_runs,
    pause,
    resume,
    run_now,
)
from taskyard.schedules.firing import fire_due
from taskyard.schedules.successes import note_successes
from taskyard.states import JobState
from taskyard.testing import drain
from tests.tasks.jobs import add_job, timed
from tests.tasks.schedules.rows import HOUR, add_schedule, fresh, now, slots_of

pytestmark = pytest.mark.django_db


def test_a_paused_schedule_does_not_fire():
    schedule = add_schedule(due=True)

    with timed() as window:
        assert pause([schedule.name]) == 1
    assert pause([schedule.name]) == 0
    fire_due()

    assert fresh(schedule).paused_at in window
    assert not Job.objects.exists()


def test_a_resumed_schedule_goes_on_from_now():
    schedule = add_schedule(interval=HOUR, late=5 * HOUR, missed="catch_up")
    pause([schedule.name])

    assert resume([schedule.name]) == 1
    assert resume([schedule.name]) == 0
    fire_due()

    assert not Job.objects.exists(), "the slots of the pause were not wanted"
    assert now() < fresh(schedule).next_slot <= now() + HOUR


def test_several_are_paused_and_resumed_at_once():
    for name in ("one", "two", "three"):
        add_schedule(name=name, next_slot=now() + HOUR)

    assert pause(["one", "two", "gone"]) == 2
    assert set(Schedule.objects.filter(paused_at=None).values_list("name", flat=True)) == {"three"}
    assert resume(["two", "three"]) == 1


def test_a_job_may_be_run_at_once_beside_the_slots(effects):
    schedule = add_schedule(
        args=["at once"], paused_at=now(), overlap=Overlap.SKIP, jitter=HOUR, next_slot=now() + HOUR
    )
    add_job(JobState.RUNNING, schedule=schedule)

    result = run_now(schedule.name)
    drain()

    job = Job.objects.get(pk=result.id)
    assert (job.schedule, job.slot, job.run_after) == (schedule, None, None)
    assert effects() == ["at once"]
    assert fresh(schedule).next_slot == schedule.next_slot
    assert slots_of(schedule) == []


def test_it_may_be_run_at_once_again_and_again():
    schedule = add_schedule()

    assert len({run_now(schedule.name).id for _ in range(3)}) == 3


def test_what_cannot_be_run_at_once_says_why():
    with pytest.raises(Schedule.DoesNotExist):
        run_now("gone")
    add_schedule(args=[])
    with pytest.raises(ScheduleFault, match="missing a required argument"):
        run_now("usual")


def test_the_next_runs_are_those_it_would_have_unpaused():
    schedule = Schedule(cron="0 * * * *", timezone="Asia/Kolkata")

    runs = next_runs(schedule)

    assert len(runs) == 5
    assert runs[0] > now()
    assert all(run.minute == 30 for run in runs), "in UTC; full hours in India"
    assert next_runs(schedule, 2) == runs[:2]


def test_the_next_runs_of_a_bad_schedule_say_what_is_wrong():
    with pytest.raises(ValueError, match="'25' is no hour"):
        next_runs(Schedule(cron="0 25 * * *"))


def test_successes_are_noted():
    one, other = add_schedule(name="one"), add_schedule(name="other")

    with timed() as window:
        note_successes({one.pk, 999_999})

    assert fresh(one).last_success_at in window
    assert fresh(other).last_success_at is None


@pytest.mark.django_db(transaction=True)
async def test_async_twins():
    schedule = await Schedule.objects.acreate(
        name="usual", task="tests.example.tasks.nothing", interval=timedelta(days=1)
    )

    assert await apause(["usual"]) == 1
    assert await aresume(["usual"]) == 1
    assert (await arun_now("usual")).task.module_path == schedule.task
    assert len(await anext_runs(schedule, 3)) == 3
    await sync_to_async(connections.close_all)()

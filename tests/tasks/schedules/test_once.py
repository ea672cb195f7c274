"""Each slot once: with many dispatchers, in one transaction with the schedule's move, whatever the clock does."""

from datetime import timedelta

import pytest
from django.db import connection, transaction

from taskyard.models import Job, Missed, Schedule
from taskyard.schedules import firing
from taskyard.schedules.firing import fire_due, seconds_until_next
from taskyard.states import JobState
from tests.example.backends import RecordingBackend
from tests.tasks.jobs import add_job
from tests.tasks.schedules.rows import (
    HOUR,
    add_schedule,
    clock_jumps,
    fresh,
    now,
    slots_of,
)
from tests.tasks.threads import at_once

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


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
def test_what_others_have_in_their_hands_is_left_to_them_for_a_moment(monkeypatch):
    """Not asked for again and again: a dispatcher that hangs would have all others spin."""
    if not connection.features.has_select_for_update_skip_locked:
        pytest.skip("one writer at a time is the rule here")
    monkeypatch.setattr(firing, "PATIENCE", 600)
    schedule = add_schedule(due=True)

    with transaction.atomic():
        Schedule.objects.select_for_update().get(pk=schedule.pk)
        assert at_once(fire_due) == [0]

    assert 0 < seconds_until_next() <= firing.PATIENCE
    assert fire_due() == 0
    firing._resting[schedule.pk] -= firing.PATIENCE
    assert fire_due() == 1, "it is fired after all"


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

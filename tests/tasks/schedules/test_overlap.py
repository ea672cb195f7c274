"""One job of a schedule after the other, where they must not overlap."""

import pytest
from django.db import connection

from taskyard.models import Job, Missed, Overlap
from taskyard.schedules import firing
from taskyard.schedules.firing import fire_due
from taskyard.states import JobState
from tests.tasks.jobs import add_job
from tests.tasks.schedules.rows import (
    HOUR,
    add_schedule,
    fresh,
    now,
    slots_of,
)

pytestmark = pytest.mark.django_db


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

"""Schedules: one job for each slot, run by the engine like any other."""

from datetime import timedelta
from itertools import pairwise

from taskyard.models import Job, Schedule
from taskyard.waiting import wait_until

from . import tasks
from .engine import EngineUnderTest


class TestSchedules:
    """Jobs that come into being by themselves, with several dispatchers about."""

    def test_each_slot_brings_one_job(self, engine: EngineUnderTest) -> None:
        schedule = Schedule.objects.create(
            name="every second",
            task=tasks.leave.module_path,
            args=["tick"],
            interval=timedelta(seconds=1),
            backend=engine.alias,
        )
        engine.worker("--processes", "2")

        wait_until(lambda: len(engine.effects()) >= 3, "three slots have come", 60)

        Schedule.objects.all().update(paused_at=schedule.created_at)
        engine.finish()
        slots = [job.slot for job in Job.objects.filter(schedule=schedule).order_by("slot") if job.slot]
        assert len(engine.effects()) == len(slots)
        distances = [later - slot for slot, later in pairwise(slots)]
        assert set(distances) == {timedelta(seconds=1)}, "no slot is missing, none is there twice"

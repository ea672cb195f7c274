"""When a schedule's job last succeeded."""

from collections.abc import Collection

from django.db import transaction

from taskyard.database import DatabaseNow, again_on_deadlock, jobs_alias
from taskyard.models import Schedule


@again_on_deadlock
def note_successes(schedule_ids: Collection[int]) -> None:
    """Note that a job of each of these schedules has just succeeded.

    The rows are locked in one order, so that two workers never wait for each other. On MySQL who records an
    outcome locks the schedule of its job as well, in whatever order.
    """
    alias = jobs_alias()
    with transaction.atomic(using=alias):
        rows = Schedule.objects.using(alias).filter(pk__in=list(schedule_ids))
        found = list(rows.select_for_update().order_by("pk").values_list("pk", flat=True))
        Schedule.objects.using(alias).filter(pk__in=found).update(last_success_at=DatabaseNow())

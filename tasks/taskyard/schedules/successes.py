"""When a schedule's job last succeeded."""

from collections.abc import Iterable

from django.db import transaction

from taskyard.database import DatabaseNow, jobs_alias
from taskyard.models import Schedule


def note_successes(schedule_ids: Iterable[int]) -> None:
    """Note that a job of each of these schedules has just succeeded.

    The rows are locked in one order, so that two workers never wait for each other.
    """
    alias = jobs_alias()
    with transaction.atomic(using=alias):
        rows = Schedule.objects.using(alias).filter(pk__in=list(schedule_ids))
        found = list(rows.select_for_update().order_by("pk").values_list("pk", flat=True))
        Schedule.objects.using(alias).filter(pk__in=found).update(last_success_at=DatabaseNow())

"""Going through any number of jobs in small batches."""

from collections.abc import Iterator
from uuid import UUID

from django.db.models import QuerySet

from taskyard.database import explained_errors
from taskyard.models import Job


def batches(jobs: "QuerySet[Job]", size: int) -> Iterator[list[UUID]]:
    """Yield the ids of these jobs, a batch at a time, oldest first.

    Ids ascend with time, so each batch starts where the one before ended, whatever happened to its jobs
    meanwhile, and a job that comes into being on the way is left out.
    """
    keys = jobs.order_by("pk").values_list("pk", flat=True)
    with explained_errors():
        last = keys.last()
        rest = keys.none() if last is None else keys.filter(pk__lte=last)
        while batch := list(rest[:size]):
            yield batch
            rest = keys.filter(pk__lte=last, pk__gt=batch[-1])

"""No scrape and no look at health reads the many jobs that are finished."""

import os
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from taskyard.models import JOB_TABLE
from taskyard_monitoring.health import WorkerHealth, site
from taskyard_monitoring.metrics import gauges
from taskyard_workers.models import WorkerProcess
from tests.tasks.operations.test_plans import FINISHED, crowded, rows_read_in_vain  # noqa: F401

pytestmark = pytest.mark.django_db


def look_at_worker():
    """Look at a worker that is under suspicion, for then all is asked that ever is."""
    now = timezone.now()
    WorkerProcess.objects.create(
        id="ada.1",
        name="ada",
        backend="default",
        host="here",
        pid=os.getpid(),
        concurrency=99,
        group="g",
        started_at=now - timedelta(hours=1),
        beat_at=now,
    )
    verdict = WorkerHealth("g")._look()
    assert "claimed nothing" in verdict.reasons[0]


STATEMENTS = {
    "gauges": gauges._read,
    "health of a worker": look_at_worker,
    "health of the site": site._look_at_site,
}


@pytest.mark.parametrize("what", STATEMENTS)
def test_finished_jobs_are_not_read(crowded, what):  # noqa: F811
    with CaptureQueriesContext(connection) as queries:
        STATEMENTS[what]()

    statements = [each["sql"] for each in queries if JOB_TABLE in each["sql"] and "DELETE" not in each["sql"]]
    assert statements
    for statement in statements:
        assert rows_read_in_vain(statement) < FINISHED / 4, statement

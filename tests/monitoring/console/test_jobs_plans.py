"""No statement of the pages of jobs reads the many that are finished in vain."""

from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from taskyard.models import JOB_TABLE
from taskyard.operating.audit import CONSOLE, Operator
from taskyard.operating.operations import CANCEL, RUN_NOW
from taskyard.operating.search import Search
from taskyard_monitoring.console import bulk, job, jobs_paging
from tests.tasks.operations.test_plans import FINISHED, crowded, rows_read_in_vain

pytestmark = pytest.mark.django_db

__all__ = ["crowded"]

ADA = Operator("ada", CONSOLE)


def after_the_oldest(words):
    return jobs_paging.page_after(Search.parse(words), UUID(int=0))


STATEMENTS = {
    "a later page": lambda found: jobs_paging.page_before(Search.parse("state:failed"), found.pk),
    "newer ones that failed": lambda _: after_the_oldest("state:failed"),
    "newer ones that run": lambda _: after_the_oldest("state:running queue:mail"),
    "what can be done to one": lambda found: job.possible(found),
    "how many can be cancelled": lambda _: bulk.dry_run(CANCEL, bulk.Selection(text="state:ready")),
    "how many can be hurried": lambda _: bulk.dry_run(RUN_NOW, bulk.Selection(text="state:scheduled")),
    "cancelling a batch": lambda _: bulk.act(ADA, CANCEL, bulk.Selection(text="state:ready")),
}


@pytest.mark.parametrize("what", STATEMENTS)
def test_finished_jobs_are_not_read(crowded, what):
    with CaptureQueriesContext(connection) as queries:
        STATEMENTS[what](crowded)

    statements = [
        each["sql"] for each in queries if JOB_TABLE in each["sql"] and each["sql"].startswith("SELECT")
    ]
    assert statements
    for statement in statements:
        assert rows_read_in_vain(statement) < FINISHED / 4, statement

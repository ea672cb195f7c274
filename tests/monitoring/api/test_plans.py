"""What the API asks the database for: along an index, however many jobs there are."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from taskyard.models import JOB_TABLE, Job
from taskyard.states import JobState
from taskyard_monitoring.models import ApiToken
from tests.tasks.jobs import FUTURE, add_job
from tests.tasks.operations.test_plans import FINISHED, NEW_ID, rows_read_in_vain

pytestmark = pytest.mark.django_db


@pytest.fixture
def crowded(ada, bob):
    """Very many jobs of Bob's, and a few of Ada's."""
    if connection.vendor not in NEW_ID:
        pytest.skip("MySQL's plans are not read")
    add_job(JobState.SUCCESSFUL, prune_at=FUTURE, owner=bob.owner)
    names = ", ".join(field.column for field in Job._meta.concrete_fields if field.column != "id")
    with connection.cursor() as cursor:
        while Job.objects.count() < FINISHED:
            cursor.execute(
                f"INSERT INTO {JOB_TABLE} (id, {names}) "
                f"SELECT {NEW_ID[connection.vendor]}, {names} FROM {JOB_TABLE}"
            )
        jobs = [add_job(JobState.SUCCESSFUL, owner=ada.owner) for _ in range(10)]
        if connection.vendor == "postgresql":
            cursor.execute(f"ANALYZE {JOB_TABLE}")
    return jobs[0]


@pytest.mark.parametrize(
    "path",
    ["jobs/", "jobs/?limit=3", "jobs/?queue=mail", "jobs/?state=failed", "jobs/?since=1h", "jobs/{job}"],
)
def test_my_jobs_are_found_along_an_index(crowded, ada, path):
    with CaptureQueriesContext(connection) as queries:
        assert ada.get(path.format(job=crowded.pk)).status_code == 200

    statements = [each["sql"] for each in queries if JOB_TABLE in each["sql"]]
    assert statements
    for statement in statements:
        assert rows_read_in_vain(statement) < FINISHED / 4, statement


def test_a_token_is_found_by_its_index(ada):
    with CaptureQueriesContext(connection) as queries:
        ada.get("jobs/")

    [statement] = [
        each["sql"]
        for each in queries
        if f'FROM "{ApiToken._meta.db_table}"' in each["sql"].replace("`", '"')
    ]
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}")
            assert "USING INDEX" in str(cursor.fetchall())

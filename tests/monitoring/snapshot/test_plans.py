"""No statement of a snapshot, or of the watcher, reads the many jobs that are finished."""

from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from taskyard.models import JOB_TABLE
from taskyard_monitoring.live.looking import Question, look
from taskyard_monitoring.snapshot import counts, snapshot
from tests.tasks.operations.test_plans import FINISHED, crowded, rows_read_in_vain  # noqa: F401

pytestmark = pytest.mark.django_db


def read(statements):
    """Tell the statements that read jobs which are no business of theirs."""
    assert statements
    return [statement for statement in statements if rows_read_in_vain(statement) >= FINISHED / 4]


def statements_of(work):
    """Return the statements on the jobs' table that some work runs."""
    with CaptureQueriesContext(connection) as queries:
        work()
    return [each["sql"] for each in queries if JOB_TABLE in each["sql"]]


def test_a_snapshot(crowded, monkeypatch):  # noqa: F811
    monkeypatch.setattr(counts, "NEWEST", 1000)
    statements = statements_of(snapshot)
    [of_the_newest] = [each for each in statements if "newest" in each]

    assert not read([each for each in statements if each != of_the_newest])
    if connection.vendor == "postgresql":  # SQLite does not say that a limit ends its walk along the ids
        assert not read([of_the_newest])


@pytest.mark.parametrize("since", [None, 1.0], ids=["by id", "all"])
def test_what_pages_watch(crowded, since):  # noqa: F811
    watched = [crowded.pk, *(uuid4() for _ in range(200))]
    assert not read(statements_of(lambda: look(Question(watched, since))))

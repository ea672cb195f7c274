"""No statement of charts and rates goes through all roll-ups, however many there are."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from taskyard.database import database_time
from taskyard_monitoring.history.charting import chart, rates
from taskyard_monitoring.history.pruning import prune
from taskyard_monitoring.history.steps import STEPS, slots_between
from taskyard_monitoring.models import RollUp
from tests.tasks.operations.test_plans import _removed

pytestmark = pytest.mark.django_db

TABLE = RollUp._meta.db_table
DOUBLED = 5
"""How often the processes double."""


@pytest.fixture
def full(db):
    """A table of as many rows as are kept of a few processes that always work."""
    if connection.vendor not in {"postgresql", "sqlite"}:
        pytest.skip("MySQL's plans are not read")
    now = database_time(connection)
    RollUp.objects.bulk_create(
        RollUp(
            step=step.seconds,
            slot=slot,
            process=str(process),
            worker=str(process),
            backend="default",
            engine="embedded",
            queue=f"queue{process % 3}",
            task="a.b",
            succeeded=1,
            run_times={"30": 1},
            waits={"20": 1},
        )
        for step in STEPS
        for slot in slots_between(step, step.slot_of(now - step.kept), step.slot_of(now))
        for process in range(3)
    )
    columns = [
        field.column for field in RollUp._meta.concrete_fields if field.column not in {"id", "process"}
    ]
    names = ", ".join(columns)
    with connection.cursor() as cursor:
        for number in range(DOUBLED):
            cursor.execute(
                f"INSERT INTO {TABLE} (process, {names}) SELECT process || '.{number}', {names} FROM {TABLE}"
            )
        if connection.vendor == "postgresql":
            cursor.execute(f"ANALYZE {TABLE}")


QUESTIONS = {
    "executed by queue, a quarter": lambda: chart("executed", "queue", "15m"),
    "executed by outcome, an hour": lambda: chart("executed", "outcome", "1h"),
    "executed by task, a day": lambda: chart("executed", "task", "24h"),
    "run time by worker, a day": lambda: chart("run", "worker", "24h"),
    "wait by engine, a quarter": lambda: chart("wait", "engine", "15m"),
    "rates": rates,
    "prune": prune,
}


@pytest.mark.slow
def test_only_rows_that_are_wanted_are_read(full):
    rows = RollUp.objects.count()
    for what, ask in QUESTIONS.items():
        with CaptureQueriesContext(connection) as queries:
            ask()

        statements = [each["sql"] for each in queries if TABLE in each["sql"]]
        assert statements, what
        for statement in statements:
            assert _read_in_vain(statement, rows) < rows / 20, (what, statement)


def _read_in_vain(statement, rows):
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}")
            return rows if any(re.match(rf'SCAN "?{TABLE}', row[3]) for row in cursor.fetchall()) else 0
        cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF, FORMAT JSON) {statement}")
        [[[explained]]] = cursor.fetchall()
    return rows if _goes_through_all(explained["Plan"]) else _removed(explained["Plan"])


def _goes_through_all(plan):
    mine = plan["Node Type"] == "Seq Scan" and plan.get("Relation Name") == TABLE
    return mine or any(_goes_through_all(each) for each in plan.get("Plans", []))

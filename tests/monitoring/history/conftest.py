"""What the tests of the history share."""

import pytest
from django.db import connection

from taskyard.database import database_time
from taskyard_monitoring.history import charting, periods

from . import rows


@pytest.fixture(autouse=True)
def nothing_remembered():
    """Let every test read the table for itself."""
    charting.forget()


@pytest.fixture
def now(db, monkeypatch):
    """Let time stand still for charts and for `ago`: a slot that begins meanwhile moves all others by one."""
    now = database_time(connection)
    for module in (charting, periods, rows):
        monkeypatch.setattr(module, "database_time", lambda _: now)
    return now

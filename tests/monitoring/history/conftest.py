"""What the tests of the history share."""

import pytest

from taskyard_monitoring.history import charting


@pytest.fixture(autouse=True)
def nothing_remembered():
    """Let every test read the table for itself."""
    charting.forget()

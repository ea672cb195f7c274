"""What the tests of the snapshot share."""

import pytest

from taskyard_monitoring import snapshot
from taskyard_monitoring.history import charting
from taskyard_monitoring.snapshot import counts, engines


@pytest.fixture(autouse=True)
def nothing_remembered():
    """Let every test look for itself."""
    for memory in (charting, counts, engines, snapshot):
        memory.forget()

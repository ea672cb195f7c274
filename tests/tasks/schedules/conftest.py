"""Each test of the schedules begins with none declared and none at fault."""

import pytest

from taskyard.schedules import declaring, firing


@pytest.fixture(autouse=True)
def clean_sheet(monkeypatch):
    """Forget what other tests declared, and which schedules failed."""
    monkeypatch.setattr(declaring, "_declared", {})
    firing._resting.clear()

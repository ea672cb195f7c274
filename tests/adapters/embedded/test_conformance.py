"""The embedded engine passes the conformance suite."""

import pytest

from taskyard.testing.conformance import *  # noqa: F403
from tests.support.processes import environment


@pytest.fixture
def engine(transactional_db, tmp_path, monkeypatch):
    monkeypatch.setenv("TASKYARD_CONFORMANCE_FOLDER", str(tmp_path))
    with EngineUnderTest("default", tmp_path, environment(tmp_path)).running() as engine:  # noqa: F405
        yield engine

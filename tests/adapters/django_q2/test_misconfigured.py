"""Django-Q2 with settings that lead to the wrong broker."""

import pytest

from tests.adapters.misconfigured import TwoSites, WrongAddress, repoint

__all__ = ["repoint"]


@pytest.fixture
def broker():
    """The database is no broker that settings could lead away from, nor one that two sites share."""
    return "redis"


class TestWrongAddress(WrongAddress):
    pass


class TestTwoSites(TwoSites):
    said = "signature does not match"

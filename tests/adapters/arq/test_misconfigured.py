"""arq with settings that lead to the wrong broker."""

from tests.adapters.misconfigured import TwoSites, WrongAddress, repoint

__all__ = ["repoint"]


class TestWrongAddress(WrongAddress):
    pass


class TestTwoSites(TwoSites):
    pass

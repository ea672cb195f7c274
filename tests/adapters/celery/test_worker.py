"""Celery's worker where its own habits could show."""

from tests.adapters import scenarios


class TestDeliveries(scenarios.Deliveries):
    pass


class TestJunk(scenarios.Junk):
    pass


class TestEnding(scenarios.Ending):
    pass


class TestBrokerFaults(scenarios.BrokerTrouble):
    pass

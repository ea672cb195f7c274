"""System checks of what several backends have in common."""

import pytest
from django.core import checks

from taskyard.checks import check_prefix, check_shared_queues

REDIS = "redis://127.0.0.1:1/0"


@pytest.fixture
def backend(add_backend):
    """Add a backend with a broker: `backend("a", queues, PREFIX=…)`."""

    def add(alias, queues=(), engine="arq.ArqBackend", **options):
        backend_class = f"taskyard_adapters.{engine}"
        options = {"BROKER_URL": REDIS, **options}
        add_backend(alias, {"BACKEND": backend_class, "QUEUES": list(queues), "OPTIONS": options})

    return add


def test_two_backends_with_one_queue_on_one_broker_are_refused(backend):
    backend("one", ["default", "mail"])
    backend("two", ["mail"])

    [error] = check_shared_queues()

    assert (error.id, error.level) == ("taskyard.E001", checks.ERROR)
    assert "'one' and 'two'" in error.msg
    assert "PREFIX" in error.hint


def test_a_backend_that_serves_all_queues_meets_any_other(backend):
    backend("one")
    backend("two", ["mail"])

    assert [error.id for error in check_shared_queues()] == ["taskyard.E001"]


@pytest.mark.parametrize(
    "other",
    [
        {"queues": ["mail"]},
        {"queues": ["default"], "PREFIX": "other"},
        {"queues": ["default"], "BROKER_URL": "redis://127.0.0.1:1/1"},
        {"queues": ["default"], "engine": "dramatiq.DramatiqBackend"},
    ],
    ids=["queues", "prefix", "broker", "engine"],
)
def test_backends_that_do_not_meet_are_fine(backend, other):
    backend("one", ["default"])
    backend("two", **other)

    assert check_shared_queues() == []


def test_a_backend_that_cannot_be_made_is_left_to_who_uses_it(backend):
    backend("one", ["default"])
    backend("two", ["default"], NO_SUCH_OPTION=1)

    assert check_shared_queues() == []


def test_the_usual_prefix_is_a_warning_for_deployment_alone(backend):
    backend("usual", PREFIX="taskyard")
    backend("own", PREFIX="shop")

    [warning] = check_prefix()

    assert (warning.id, warning.level) == ("taskyard.W002", checks.WARNING)
    assert "'usual'" in warning.msg
    assert check_prefix not in checks.registry.registry.get_checks(include_deployment_checks=False)
    assert check_prefix in checks.registry.registry.get_checks(include_deployment_checks=True)

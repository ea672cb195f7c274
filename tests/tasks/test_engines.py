"""What adapters for engines with a broker share."""

import pytest

from taskyard.compat import InvalidTaskBackend
from taskyard.engines import BrokerOptions, engine_library, priority_level


def test_priority_levels_rise_with_the_priority_and_use_the_whole_range():
    levels = [priority_level(priority) for priority in range(-100, 101)]

    assert levels == sorted(levels)
    assert set(levels) == set(range(10))


def test_a_library_that_is_not_installed_names_the_extra_that_brings_it():
    with pytest.raises(InvalidTaskBackend, match=r'pip install "django-taskyard\[celery\]"'):
        engine_library("no_such_library.app", "celery")


@pytest.mark.parametrize(
    "options",
    [{"PREFIX": ""}, {"PREFIX": "a b"}, {"BROKER_TIMEOUT": 0}, {"BROKER_TIMEOUT": "soon"}],
    ids=str,
)
def test_wrong_options_are_refused_by_name(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        BrokerOptions(**options)

"""Many schedules, several dispatchers, and one of them killed again and again."""

import pytest

from tests.schedule_storm import storm

SECONDS = 60
"""How long it rages; `python -m tests.schedule_storm` has it longer."""


@pytest.mark.slow
def test_each_slot_fires_exactly_once_while_dispatchers_are_killed(start):
    came = storm(start, SECONDS)

    assert (came.fired, came.missing, came.doubled) == (came.slots, 0, 0), str(came)
    assert came.killed >= SECONDS // 20 - 1

"""How long a job waited: from when it could have run, whatever delay somebody asked for."""

from datetime import timedelta

import pytest

from taskyard.models import Job
from taskyard_monitoring.history.waiting import seconds_waited
from tests.tasks.jobs import PAST


def job(attempt=1, **seconds):
    """Return a claimed job; times are seconds after it was enqueued."""
    moments = {name: PAST + timedelta(seconds=value) for name, value in seconds.items()}
    return Job(attempt=attempt, enqueued_at=PAST, **moments)


@pytest.mark.parametrize(
    ("claimed", "waited"),
    [
        (job(delivered_at=0, last_attempted_at=5), 5),
        # Not delivered at once: that is waiting, too.
        (job(delivered_at=60, last_attempted_at=65), 65),
        (job(run_after=100, delivered_at=101, last_attempted_at=103), 3),
        (job(run_after=-100, delivered_at=0, last_attempted_at=3), 3),
        # An operator did not wait for its time.
        (job(run_after=100, delivered_at=20, last_attempted_at=22), 2),
        (job(attempt=2, run_after=100, delivered_at=500, last_attempted_at=504), 4),
        # Clocks differ a little.
        (job(attempt=2, delivered_at=500, last_attempted_at=499), 0),
    ],
)
def test_waited(claimed, waited):
    assert seconds_waited(claimed) == waited


def test_no_times():
    assert seconds_waited(Job(attempt=1, enqueued_at=PAST)) == 0

"""Jobs of low priority that have waited long enough."""

from datetime import timedelta

import pytest

from taskyard.promotion import promote
from taskyard.states import JobState
from taskyard.transitions import Claims, claim_waiting
from taskyard_workers.dispatcher import Dispatcher
from tests.example.backends import RecordingBackend
from tests.tasks.jobs import FUTURE, PAST, add_job, fresh, row_of

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def promoted(limit=10, *, leased=False):
    return [job.id for job in promote("default", "default", HOUR, leased=leased, limit=limit)]


def claimed(limit):
    claims = Claims(backend="default", queues=("default",), worker="bob", limit=limit)
    return [job.id for job in claim_waiting(claims)]


def test_what_has_waited_too_long_is_claimed_before_younger_urgent_ones():
    old = add_job(priority=-100)
    young = add_job(priority=-100, delivered_at=FUTURE)
    urgent = [add_job(priority=50, delivered_at=FUTURE) for _ in range(3)]
    assert claimed(1) == [urgent[0].id]

    assert promoted() == [old.id]

    assert fresh(old).priority == 50
    assert fresh(young).priority == -100
    assert claimed(1) == [old.id]


def test_a_backlog_of_equally_urgent_jobs_is_left_alone():
    backlog = [add_job(priority=7) for _ in range(5)]
    before = [row_of(job) for job in backlog]

    assert promoted() == []
    assert [row_of(job) for job in backlog] == before


def test_other_queues_backends_and_states_do_not_count():
    old = add_job(priority=0)
    add_job(priority=50, queue="mail")
    add_job(priority=50, backend="leased")
    add_job(JobState.RUNNING, priority=50)

    assert promoted() == []
    assert fresh(old).priority == 0


def test_the_more_urgent_of_the_old_come_first_and_no_more_than_asked_for():
    lower, low = add_job(priority=-2), add_job(priority=-1)
    add_job(priority=50, delivered_at=FUTURE)

    assert promoted(1) == [low.id]
    assert promoted(1) == [lower.id]


def test_an_engine_with_messages_is_told_again(settings):
    settings.TASKS = {
        **settings.TASKS,
        "leased": {**settings.TASKS["leased"], "OPTIONS": {"PROMOTE_AFTER": HOUR}},
    }
    old = add_job(priority=-100, backend="leased", due_at=FUTURE)
    add_job(priority=50, backend="leased", delivered_at=FUTURE, due_at=FUTURE)
    RecordingBackend.depths = {"default": 2}

    Dispatcher().run_once()

    [[delivery]] = RecordingBackend.delivered
    assert (delivery.job_id, delivery.priority) == (old.id, 50)
    assert fresh(old).delivered_at > PAST


@pytest.mark.parametrize("age", [0, timedelta(0), "1h"], ids=str)
def test_an_age_that_is_none_is_refused(settings, age):
    from taskyard.backend import BackendOptions

    with pytest.raises(ValueError, match="PROMOTE_AFTER must be"):
        BackendOptions(PROMOTE_AFTER=age)


def test_none_means_for_ever(settings):
    settings.TASKS = {
        **settings.TASKS,
        "leased": {**settings.TASKS["leased"], "OPTIONS": {"PROMOTE_AFTER": None}},
    }
    old = add_job(priority=-100, backend="leased", due_at=FUTURE)
    add_job(priority=50, backend="leased", delivered_at=FUTURE, due_at=FUTURE)
    RecordingBackend.depths = {"default": 2}

    Dispatcher().run_once()

    assert RecordingBackend.delivered == []
    assert fresh(old).priority == -100

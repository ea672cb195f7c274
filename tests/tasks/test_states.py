"""Every event in every state: it moves the job just as the table of transitions says, or touches nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest

from taskyard.models import Job
from taskyard.states import TRANSITIONS, Event, JobState
from taskyard.transitions import Claims, cancel_waiting, claim, claim_waiting, conclude, move, requeue
from tests.tasks.jobs import add_job, fresh, outcome, row_of

pytestmark = pytest.mark.django_db

EVERYWHERE = frozenset(JobState)


@dataclass(frozen=True)
class Act:
    """A function that makes an event happen, and the states it is meant for."""

    event: Event
    function: Callable[[Job], object]
    reach: frozenset[JobState] = EVERYWHERE


def _claim(job):
    return claim(job.id, "bob")


def _claim_waiting(job):
    return claim_waiting(Claims(backend=job.backend, queues=(job.queue,), worker="bob", limit=5))


def _conclude(event):
    return lambda job: conclude([outcome(job, event, retention=3600, delay=60)])


def _cancel_waiting(job):
    return cancel_waiting([job.id], timedelta(days=1))


def _requeue(job):
    return requeue([job.id])


def _move(job):
    return move([job.id], job.backend, "leased")


ACTS = {
    "claim": Act(Event.CLAIM, _claim),
    "claim-waiting": Act(Event.CLAIM, _claim_waiting),
    "succeed": Act(Event.SUCCEED, _conclude(Event.SUCCEED)),
    "fail": Act(Event.FAIL, _conclude(Event.FAIL)),
    "retry": Act(Event.RETRY, _conclude(Event.RETRY)),
    "snooze": Act(Event.SNOOZE, _conclude(Event.SNOOZE)),
    "release": Act(Event.RELEASE, _conclude(Event.RELEASE)),
    "rescue": Act(Event.RESCUE, _conclude(Event.RESCUE)),
    "cancel-running": Act(Event.CANCEL, _conclude(Event.CANCEL), frozenset({JobState.RUNNING})),
    "cancel-waiting": Act(Event.CANCEL, _cancel_waiting, EVERYWHERE - {JobState.RUNNING}),
    "requeue": Act(Event.REQUEUE, _requeue),
    "move": Act(Event.MOVE, _move),
}

PAIRS = [pytest.param(state, name, id=f"{state.value.lower()}-{name}") for state in JobState for name in ACTS]


def _moves(act, state):
    return state in TRANSITIONS[act.event].sources & act.reach


@pytest.mark.parametrize(("state", "name"), PAIRS)
def test_an_event_moves_a_job_exactly_where_the_table_says(state, name):
    act = ACTS[name]
    # One attempt in every state, so that it is the state that refuses and not the attempt's number.
    job = add_job(state, attempt=1)
    before = row_of(job)

    answer = act.function(job)

    if _moves(act, state):
        assert answer
        assert fresh(job).state == TRANSITIONS[act.event].target
    else:
        assert not answer
        assert row_of(job) == before


@pytest.mark.parametrize("event", Event, ids=lambda event: event.value)
def test_every_source_of_an_event_has_a_function_that_carries_it_out(event):
    reached = {
        state for act in ACTS.values() if act.event == event for state in JobState if _moves(act, state)
    }

    assert reached == TRANSITIONS[event].sources


@pytest.mark.parametrize("name", ACTS)
def test_an_event_touches_no_other_job(name):
    act = ACTS[name]
    source = min(TRANSITIONS[act.event].sources & act.reach)
    others = [add_job(state, attempt=1, queue="mail") for state in JobState]
    before = [row_of(other) for other in others]

    assert act.function(add_job(source, attempt=1))

    assert [row_of(other) for other in others] == before


@pytest.mark.parametrize("event", [Event.CLAIM, Event.REQUEUE, Event.MOVE], ids=lambda event: event.value)
def test_an_event_that_ends_no_attempt_is_no_outcome(event):
    job = add_job(JobState.RUNNING)
    before = row_of(job)

    with pytest.raises(ValueError, match="does not end an attempt"):
        conclude([outcome(job, Event.SUCCEED), outcome(job, event)])

    assert row_of(job) == before


def test_the_states_of_the_table_are_all_there_are():
    sources = {state for transition in TRANSITIONS.values() for state in transition.sources}
    targets = {transition.target for transition in TRANSITIONS.values()}

    assert sources == targets == set(JobState)
    assert set(TRANSITIONS) == set(Event)

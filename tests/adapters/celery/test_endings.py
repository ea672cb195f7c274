"""Celery's tools are told how jobs ended, though to Celery itself our task always succeeds."""

from collections import defaultdict

import pytest

from taskyard import cancel
from taskyard.states import Event
from taskyard.testing.conformance import tasks
from taskyard_adapters.celery.endings import ending, event_of
from tests.adapters.celery.conftest import BACKEND, events_of
from tests.adapters.scenarios import ready
from tests.support.servers import wait_until
from tests.tasks.jobs import FAILURE, add_job, outcome

ENDS = {"task-succeeded", "task-failed", "task-retried", "task-revoked"}


@pytest.fixture(params=["threads", "prefork"])
def engine(make_engine, request):
    return make_engine(BACKEND, broker="redis", POOL=request.param)


def test_each_end_is_told_for_what_it_is(engine, tool):
    ready(engine)
    with events_of(tool) as (events, wait_for):
        endless = engine.on(tasks.wait_to_be_cancelled).enqueue()
        wait_until(engine.effects, "it runs")
        cancel(endless)
        fine = engine.on(tasks.leave).enqueue("fine")
        failed = engine.on(tasks.fail).enqueue("secret words")
        retried = engine.on(tasks.succeed_third_time).enqueue("retried")
        expected = {
            endless.id: ["task-revoked"],
            fine.id: ["task-succeeded"],
            failed.id: ["task-failed"],
            retried.id: ["task-retried", "task-retried", "task-succeeded"],
        }
        wait_for(lambda: ends(events) == expected, "all have ended")

    [told] = [event for event in events if event["type"] == "task-failed"]
    assert told["exception"] == "builtins.ValueError"
    assert "secret" not in str(events), "what was raised may be personal"


def ends(events):
    found = defaultdict(list)
    for event in events:
        if event["type"] in ENDS:
            found[event["uuid"]].append(event["type"])
    return found


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (Event.SUCCEED, ("task-succeeded", {"result": "None", "runtime": 1.0})),
        (Event.FAIL, ("task-failed", {"exception": "builtins.ValueError", "traceback": ""})),
        (Event.RETRY, ("task-retried", {"exception": "builtins.ValueError", "traceback": ""})),
        (Event.SNOOZE, ("task-retried", {"exception": "snooze", "traceback": ""})),
        (Event.RELEASE, ("task-retried", {"exception": "release", "traceback": ""})),
        (Event.CANCEL, ("task-revoked", {"terminated": True, "signum": None, "expired": False})),
    ],
)
def test_what_becomes_of_celerys_success(event, expected):
    returned = ending(outcome(add_job(), event, history=[FAILURE]))

    assert event_of("task-succeeded", {"result": repr(returned), "runtime": 1.0}) == expected


def test_a_message_that_led_to_nothing_did_its_duty():
    assert ending(None) is None


def test_other_events_are_celerys_own():
    assert event_of("task-received", {"name": "x"}) == ("task-received", {"name": "x"})

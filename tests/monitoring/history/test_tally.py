"""What a process remembers of its attempts: all of them, in little memory."""

from datetime import UTC, datetime, timedelta

import pytest

from taskyard.states import Event
from taskyard_monitoring.history import tally as tallying
from taskyard_monitoring.history.steps import MINUTE, STEPS, TEN_MINUTES, TEN_SECONDS
from taskyard_monitoring.history.tally import MOST_ROWS, MOST_SLOTS, OTHERS, Key, Tally

START = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
KEY = Key("default", "embedded", "mail", "a.b")


def count(tally, seconds=0.0, event=Event.SUCCEED, key=KEY):
    """Count an attempt that ended so many seconds after the start."""
    tally.count(key, event, START + timedelta(seconds=seconds), run_time=1, wait=0)


def written(tally, step=TEN_SECONDS):
    """Return how many attempts each slot has that is to be written, by its offset in seconds."""
    found = {}
    for slot, _, numbers in tally.changes(step):
        offset = (slot - START).total_seconds()
        found[offset] = found.get(offset, 0) + sum(numbers.ended.values())
    return found


def test_each_step_has_all():
    tally = Tally()
    for seconds in (0, 9, 10, 61):
        count(tally, seconds)

    assert written(tally, TEN_SECONDS) == {0: 2, 10: 1, 60: 1}
    assert written(tally, MINUTE) == {0: 3, 60: 1}
    assert written(tally, TEN_MINUTES) == {0: 4}


def test_only_what_changed_is_written_and_as_a_whole():
    tally = Tally()
    count(tally)
    assert written(tally) == {0: 1}
    assert written(tally) == {}

    count(tally)

    assert written(tally) == {0: 2}


@pytest.mark.parametrize(
    ("event", "column"),
    [
        (Event.SUCCEED, "succeeded"),
        (Event.FAIL, "failed"),
        (Event.CANCEL, "cancelled"),
        (Event.RETRY, "retried"),
    ],
)
def test_how_an_attempt_ended(event, column):
    tally = Tally()
    count(tally, event=event)

    [(_, key, numbers)] = tally.changes(TEN_SECONDS)

    assert (key, numbers.ended) == (KEY, {column: 1})


@pytest.mark.parametrize("event", [Event.RELEASE, Event.SNOOZE])
def test_what_was_handed_back_does_not_count(event):
    tally = Tally()
    count(tally, event=event)

    assert written(tally) == {}


def test_a_clock_that_lags_behind_changes_no_slot_that_was_given_up():
    tally = Tally()
    for seconds in (0, 10, 20):
        count(tally, seconds)
    written(tally)

    count(tally, 5)

    assert written(tally) == {10: 2}


def test_what_the_database_did_not_take_is_written_later():
    tally = Tally()
    for seconds in (0, 10, 20):
        count(tally, seconds)
    refused = tally.changes(TEN_SECONDS)
    count(tally, 20)
    count(tally, 30)

    tally.give_back(TEN_SECONDS, refused)

    assert written(tally) == {0: 1, 10: 1, 20: 2, 30: 1}
    assert written(tally) == {}


def test_a_long_outage_costs_the_oldest_slots_and_no_memory():
    tally = Tally()
    for number in range(MOST_SLOTS + 20):
        count(tally, number * 10)
        tally.give_back(TEN_SECONDS, tally.changes(TEN_SECONDS))

    assert min(written(tally)) >= 200
    assert tally.dropped > 0


def test_any_number_of_tasks_and_queues_takes_bounded_memory():
    tally = Tally()
    for number in range(MOST_ROWS * 5):
        count(tally, key=Key("default", "embedded", f"queue{number}", f"task{number}"))

    for step in STEPS:
        changes = tally.changes(step)
        assert len(changes) <= 2 * MOST_ROWS + 1
        assert sum(numbers.ended["succeeded"] for _, _, numbers in changes) == MOST_ROWS * 5
    assert Key("default", "embedded", OTHERS, OTHERS) in {key for _, key, _ in changes}


def test_many_tasks_of_one_queue_stay_with_the_queue():
    tally = Tally()
    for number in range(MOST_ROWS * 3):
        count(tally, key=Key("default", "embedded", "mail", f"task{number}"))

    assert {key.queue for _, key, _ in tally.changes(TEN_SECONDS)} == {"mail"}


def test_forgotten_slots_take_no_memory():
    tally = Tally()
    for number in range(1000):
        count(tally, number * 10)
        tally.changes(TEN_SECONDS)

    assert len(tally._slots[TEN_SECONDS]) <= tallying.STILL_OPEN

"""The end of an attempt: every column, the fence, and many outcomes in one call."""

from datetime import timedelta
from uuid import uuid4

import pytest

from taskyard.models import Job
from taskyard.states import TRANSITIONS, Event, JobState
from taskyard.transitions import cancel_waiting, claim, conclude, requeue
from tests.tasks.jobs import FAILURE, FUTURE, PAST, add_job, changed, fresh, outcome, row_of, timed

pytestmark = pytest.mark.django_db

ENDINGS = [event for event in Event if JobState.RUNNING in TRANSITIONS[event].sources]
FINISHING = [event for event in ENDINGS if TRANSITIONS[event].target != JobState.READY]
GOING_BACK = [event for event in ENDINGS if TRANSITIONS[event].target == JobState.READY]
PROGRESS = {"done": 3, "total": 4, "message": "nearly"}


def _name(event):
    return event.value


# --- every column ---


def test_a_success_leaves_the_return_value_and_the_end():
    job = add_job(JobState.RUNNING, attempts=[FAILURE])

    with timed() as window:
        recorded = conclude(
            [outcome(job, Event.SUCCEED, return_value={"sum": 3}, history=[FAILURE], retention=3600)]
        )

    row = fresh(job)
    assert recorded == {(job.id, 1)}
    assert changed(job, row) == {"state", "return_value", "deliveries", "finished_at", "prune_at"}
    assert (row.state, row.return_value, row.due_at) == (JobState.SUCCESSFUL, {"sum": 3}, None)
    assert row.finished_at in window
    assert row.prune_at in window.later(3600)
    assert row.deliveries == 0


@pytest.mark.parametrize("event", [Event.FAIL, Event.CANCEL], ids=_name)
def test_an_end_without_success_leaves_the_history_and_the_end(event):
    job = add_job(JobState.RUNNING)

    with timed() as window:
        conclude([outcome(job, event, history=[FAILURE], retention=60.5)])

    row = fresh(job)
    assert changed(job, row) == {"state", "attempts", "deliveries", "finished_at", "prune_at"}
    assert (row.state, row.attempts, row.return_value) == (TRANSITIONS[event].target, [FAILURE], None)
    assert row.finished_at in window
    assert row.prune_at in window.later(60.5)


@pytest.mark.parametrize("event", GOING_BACK, ids=_name)
@pytest.mark.parametrize("delay", [0, 0.25, 600], ids=["now", "a-moment", "minutes"])
def test_a_job_that_goes_back_is_due_after_its_delay_and_undelivered(event, delay):
    job = add_job(JobState.RUNNING)

    with timed() as window:
        conclude([outcome(job, event, history=[FAILURE], delay=delay, retention=3600)])

    row = fresh(job)
    assert changed(job, row) == {"state", "attempts", "deliveries", "delivered_at", "due_at"}
    assert (row.state, row.attempts, row.delivered_at) == (JobState.READY, [FAILURE], None)
    assert row.due_at in window.later(delay)
    assert (row.worker, row.attempt, row.finished_at, row.prune_at) == ("ada", 1, None, None)


@pytest.mark.parametrize(
    "value",
    [None, False, 0, "", [], {}, "null", 1.5, "ñ → 🦉", [1, {"a": [None]}], 2**80],
    ids=repr,
)
def test_a_return_value_is_stored_as_it_is(value):
    job = add_job(JobState.RUNNING)

    conclude([outcome(job, Event.SUCCEED, return_value=value)])

    row = fresh(job)
    assert row.return_value == value
    assert type(row.return_value) is type(value)


@pytest.mark.parametrize("event", ENDINGS, ids=_name)
def test_an_outcome_carries_the_last_word_on_progress(event):
    job = add_job(JobState.RUNNING, progress={"done": 1, "total": 4, "message": ""})

    conclude([outcome(job, event, progress=PROGRESS)])

    assert fresh(job).progress == PROGRESS


@pytest.mark.parametrize("event", ENDINGS, ids=_name)
def test_an_outcome_without_progress_keeps_what_was_said(event):
    job = add_job(JobState.RUNNING, progress=PROGRESS)

    conclude([outcome(job, event)])

    assert fresh(job).progress == PROGRESS


@pytest.mark.parametrize("due_at", [None, FUTURE], ids=["delivered", "leased"])
def test_a_cancelled_waiting_job_is_finished(due_at):
    job = add_job(due_at=due_at)

    with timed() as window:
        assert cancel_waiting([job.id], timedelta(days=2)) == 1

    row = fresh(job)
    assert changed(job, row) - {"due_at"} == {"state", "finished_at", "prune_at"}
    assert (row.state, row.due_at, row.return_value) == (JobState.CANCELLED, None, None)
    assert row.finished_at in window
    assert row.prune_at in window.later(2 * 24 * 3600)


def test_many_waiting_jobs_are_cancelled_at_once_and_the_taken_left_alone():
    waiting, taken = [add_job() for _ in range(3)], add_job(JobState.RUNNING)

    assert cancel_waiting([*(job.id for job in waiting), taken.id, uuid4()], timedelta()) == 3

    assert {fresh(job).state for job in waiting} == {JobState.CANCELLED}
    assert fresh(taken).state == JobState.RUNNING


@pytest.mark.parametrize("state", sorted(TRANSITIONS[Event.REQUEUE].sources), ids=str.lower)
def test_a_requeued_job_starts_over_with_its_history_kept(state):
    job = add_job(state, progress=PROGRESS)

    with timed() as window:
        assert requeue([job.id]) == 1

    row = fresh(job)
    assert (row.state, row.delivered_at, row.deliveries) == (JobState.READY, None, 0)
    assert (row.finished_at, row.prune_at, row.return_value, row.progress) == (None, None, None, None)
    assert row.due_at in window
    assert row.attempt == 1, "the fence must not go back"
    *kept, mark = row.attempts
    assert kept == job.attempts
    assert mark["outcome"] == "requeued"
    unchanged = {"id", "task", "args", "kwargs", "backend", "queue", "priority", "enqueued_at", "run_after"}
    assert not changed(job, row) & unchanged


def test_a_job_that_was_cancelled_while_waiting_counts_its_deliveries_from_the_requeue():
    job = add_job(deliveries=5)
    cancel_waiting([job.id], timedelta(days=1))

    requeue([job.id])

    assert fresh(job).deliveries == 0


def test_many_finished_jobs_are_requeued_at_once_and_the_others_left_alone():
    finished = [add_job(state) for state in sorted(TRANSITIONS[Event.REQUEUE].sources)]
    others = [add_job(JobState.READY), add_job(JobState.RUNNING)]
    before = [row_of(other) for other in others]

    assert requeue([job.id for job in [*finished, *others]]) == 3

    assert {fresh(job).state for job in finished} == {JobState.READY}
    assert [row_of(other) for other in others] == before


@pytest.mark.parametrize(
    "act", [requeue, lambda ids: cancel_waiting(ids, timedelta())], ids=["requeue", "cancel"]
)
def test_no_jobs_are_no_trouble(act):
    assert act([]) == 0


def test_no_outcomes_are_no_trouble():
    assert conclude([]) == set()


# --- the fence ---


@pytest.mark.parametrize("event", ENDINGS, ids=_name)
@pytest.mark.parametrize("attempt", [0, 1, 3], ids=["never", "older", "not-yet"])
def test_an_outcome_of_another_attempt_is_refused(event, attempt):
    job = add_job(JobState.RUNNING, attempt=2, worker="bob")
    before = row_of(job)

    assert conclude([outcome(job, event, attempt=attempt, return_value="late")]) == set()

    assert row_of(job) == before


def test_a_late_workers_outcome_is_refused():
    job = add_job()
    late = claim(job.id, "ada")
    conclude([outcome(late, Event.RESCUE)])
    deliver(job)
    now = claim(job.id, "bob")

    assert conclude([outcome(late, Event.SUCCEED, return_value="late")]) == set()
    assert conclude([outcome(now, Event.SUCCEED, return_value="in time")]) == {(job.id, 2)}
    assert fresh(job).return_value == "in time"


def deliver(job):
    Job.objects.filter(pk=job.pk).update(delivered_at=PAST)


@pytest.mark.parametrize("second", ENDINGS, ids=_name)
@pytest.mark.parametrize("first", ENDINGS, ids=_name)
def test_of_two_outcomes_of_one_attempt_the_first_wins(first, second):
    job = add_job(JobState.RUNNING)
    assert conclude([outcome(job, first, return_value="first")]) == {(job.id, 1)}
    before = row_of(job)

    assert conclude([outcome(job, second, return_value="second")]) == set()

    assert row_of(job) == before


def test_an_outcome_from_before_a_requeue_is_refused():
    job = add_job(JobState.RUNNING)
    conclude([outcome(job, Event.CANCEL)])
    requeue([job.id])
    deliver(job)
    claim(job.id, "bob")

    assert conclude([outcome(job, Event.SUCCEED)]) == set()
    assert fresh(job).state == JobState.RUNNING


def test_an_outcome_of_a_job_that_is_gone_is_refused():
    job = add_job(JobState.RUNNING)
    Job.objects.filter(pk=job.pk).delete()

    assert conclude([outcome(job, Event.SUCCEED)]) == set()


# --- many at once ---


def test_one_call_records_every_kind_of_outcome():
    jobs = {event: add_job(JobState.RUNNING) for event in ENDINGS}

    with timed() as window:
        recorded = conclude(
            [
                outcome(job, event, return_value=event.value, history=[FAILURE], delay=30, retention=90)
                for event, job in jobs.items()
            ]
        )

    assert recorded == {(job.id, 1) for job in jobs.values()}
    rows = {event: fresh(job) for event, job in jobs.items()}
    assert {event: row.state for event, row in rows.items()} == {
        event: TRANSITIONS[event].target for event in ENDINGS
    }
    for event in GOING_BACK:
        assert rows[event].due_at in window.later(30)
        assert (rows[event].finished_at, rows[event].prune_at) == (None, None)
    for event in FINISHING:
        assert rows[event].finished_at in window
        assert rows[event].prune_at in window.later(90)
        assert rows[event].due_at is None
    assert rows[Event.SUCCEED].return_value == "succeed"


def test_a_refused_outcome_harms_no_other_in_the_same_call():
    good, taken, finished = (
        add_job(JobState.RUNNING),
        add_job(JobState.RUNNING, attempt=2),
        add_job(JobState.SUCCESSFUL),
    )

    recorded = conclude(
        [
            outcome(taken, Event.SUCCEED, attempt=1),
            outcome(good, Event.SUCCEED, return_value=1),
            outcome(finished, Event.FAIL),
        ]
    )

    assert recorded == {(good.id, 1)}
    assert (fresh(good).state, fresh(taken).state, fresh(finished).state) == (
        JobState.SUCCESSFUL,
        JobState.RUNNING,
        JobState.SUCCESSFUL,
    )


@pytest.mark.parametrize("second", ENDINGS, ids=_name)
def test_of_two_outcomes_of_one_attempt_in_one_call_the_first_wins(second):
    other, job = add_job(JobState.RUNNING), add_job(JobState.RUNNING)

    recorded = conclude(
        [
            outcome(job, Event.SUCCEED, return_value="first"),
            outcome(other, Event.RELEASE),
            outcome(job, second, return_value="second"),
        ]
    )

    assert recorded == {(job.id, 1), (other.id, 1)}
    assert (fresh(job).state, fresh(job).return_value) == (JobState.SUCCESSFUL, "first")


def test_the_first_outcome_of_a_call_may_lack_everything():
    """The first row of the statement sets the types of its columns."""
    bare, full = add_job(JobState.RUNNING), add_job(JobState.RUNNING)

    recorded = conclude(
        [
            outcome(bare, Event.SUCCEED, return_value=None, progress=None),
            outcome(full, Event.RETRY, history=[FAILURE], progress=PROGRESS, delay=1.5),
        ]
    )

    assert recorded == {(bare.id, 1), (full.id, 1)}
    assert fresh(full).progress == PROGRESS


def test_a_thousand_outcomes_fit_in_one_call():
    jobs = [add_job(JobState.RUNNING) for _ in range(1000)]

    recorded = conclude([outcome(job, Event.SUCCEED, return_value=n) for n, job in enumerate(jobs)])

    assert len(recorded) == 1000
    assert [fresh(job).return_value for job in (jobs[0], jobs[999])] == [0, 999]

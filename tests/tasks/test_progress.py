"""How far a job is: noted at no cost, stored with the outcome, read back by id."""

import asyncio

import pytest
from asgiref.sync import async_to_sync

from taskyard import (
    Progress,
    TaskResultDoesNotExist,
    aget_progress,
    get_progress,
    policy,
    report_progress,
    task,
    track,
)
from taskyard.progress import ProgressSlot, current_slot
from taskyard.testing import drain
from tests.example.tasks import count_to, nothing, report
from tests.tasks.jobs import add_job

pytestmark = pytest.mark.django_db


@pytest.fixture
def slot():
    """Be inside a job."""
    slot = ProgressSlot()
    token = current_slot.set(slot)
    yield slot
    current_slot.reset(token)


@task
async def report_async(done):
    await asyncio.sleep(0)
    report_progress(done, 10, "async")


@task
@policy(max_attempts=2)
def report_and_fail(done):
    report_progress(done, 10, "so far")
    raise ValueError("no luck")


@task
def report_something_odd():
    report_progress(3.9, 10.2, "a\x00b\ud800" + "x" * 1000)


def test_the_last_word_is_stored_with_the_outcome():
    result = report.enqueue(3, 10)
    assert get_progress(result.id) is None

    drain()

    assert get_progress(result.id) == Progress(3, 10, "so far")
    assert async_to_sync(aget_progress)(result.id) == Progress(3, 10, "so far")


def test_an_async_task_reports_just_so():
    result = report_async.enqueue(4)
    drain()

    assert get_progress(result.id) == Progress(4, 10, "async")


def test_a_failed_attempt_keeps_what_was_said():
    result = report_and_fail.enqueue(5)
    drain()

    assert get_progress(result.id) == Progress(5, 10, "so far")


def test_a_job_that_says_nothing_has_no_progress():
    result = nothing.enqueue()
    drain()

    assert get_progress(result.id) is None


def test_jobs_do_not_hear_each_other():
    first, silent, second = report.enqueue(1, 2), nothing.enqueue(), report.enqueue(2, 2)
    drain()

    assert [get_progress(result.id) for result in (first, silent, second)] == [
        Progress(1, 2, "so far"),
        None,
        Progress(2, 2, "so far"),
    ]


def test_tracked_items_are_counted():
    result = count_to.enqueue(7)
    drain()

    assert get_progress(result.id) == Progress(7, 7, "counting")


def test_each_item_counts_once_it_is_done(slot):
    seen = [(item, slot.latest) for item in track("abc", message="letters")]

    assert seen == [(letter, Progress(n, 3, "letters")) for n, letter in enumerate("abc")]
    assert slot.latest == Progress(3, 3, "letters")


def test_a_stream_has_no_total_unless_told(slot):
    assert list(track(iter("abc"))) == list("abc")
    assert slot.latest == Progress(3, None, "")

    assert list(track(iter("abc"), total=9)) == list("abc")
    assert slot.latest == Progress(3, 9, "")


def test_tracking_nothing_says_so(slot):
    assert list(track([])) == []
    assert slot.latest == Progress(0, 0, "")


def test_a_loop_that_is_left_counts_what_it_did(slot):
    for item in track(range(10)):
        if item == 4:
            break

    assert slot.latest == Progress(4, 10, "")


def test_outside_a_job_progress_is_nothing():
    report_progress(1, 2, "nobody listens")

    assert list(track([1, 2, 3])) == [1, 2, 3]
    assert current_slot.get() is None


def test_what_no_column_takes_is_made_to_fit():
    result = report_something_odd.enqueue()
    drain()

    progress = get_progress(result.id)
    assert (progress.done, progress.total) == (3, 10)
    assert progress.message.startswith("a\\x00b\\ud800xxx")
    assert len(progress.message) == 200


def test_news_is_taken_once(slot):
    assert slot.take_news() is None
    report_progress(1)
    assert slot.take_news() == Progress(1)
    assert slot.take_news() is None
    report_progress(2)
    report_progress(3)
    assert slot.take_news() == Progress(3)


@pytest.mark.parametrize("result_id", ["", "abc", None, 7, "01a1fc3d-ed43-7167-95f3-b78fd0fca4ab"], ids=repr)
def test_the_progress_of_no_job_does_not_exist(result_id):
    with pytest.raises(TaskResultDoesNotExist):
        get_progress(result_id)
    with pytest.raises(TaskResultDoesNotExist):
        async_to_sync(aget_progress)(result_id)


def test_progress_that_was_written_by_a_worker_is_read():
    job = add_job("RUNNING", progress={"done": 1, "total": None, "message": ""})

    assert get_progress(job.id) == Progress(1)

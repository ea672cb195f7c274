"""What travels with a job, what a job knows of itself, and what its log records say."""

import asyncio
import contextvars
import logging
import subprocess
import sys
import threading
from uuid import UUID

import pytest
from asgiref.sync import async_to_sync, sync_to_async

from taskyard import aenqueue_many, current_job, enqueue_many, get_result, job_metadata, report_progress
from taskyard.compat import TaskContext, task_finished, task_started
from taskyard.current import running
from taskyard.exceptions import PayloadTooLarge
from taskyard.logs import JobFilter
from taskyard.models import Job
from taskyard.run import prepare
from taskyard.testing import drain
from taskyard.transitions import claim
from tests.example.tasks import (
    index,
    log_a_line,
    nothing,
    pass_on,
    snooze,
    succeed_at,
    tell_about_me,
    tell_about_me_async,
    tell_metadata,
)
from tests.support.log_lines import lines_of
from tests.support.processes import environment
from tests.tasks.jobs import add_job
from tests.tasks.test_signals import connected

pytestmark = pytest.mark.django_db


def metadata():
    return [job.metadata for job in Job.objects.order_by("id")]


# --- from enqueue to run ---------------------------------------------------------------------------


def test_metadata_hold_within_their_block():
    nothing.enqueue()
    with job_metadata(request_id="r1"):
        nothing.enqueue()
        with job_metadata(user=7, request_id="r2"):
            nothing.enqueue()
        nothing.enqueue()
    nothing.enqueue()

    assert metadata() == [{}, {"request_id": "r1"}, {"request_id": "r2", "user": 7}, {"request_id": "r1"}, {}]


@pytest.mark.parametrize("many", [enqueue_many, async_to_sync(aenqueue_many)], ids=["sync", "async"])
def test_all_of_many_jobs_carry_them(many):
    with job_metadata(request_id="r1"):
        results = many(nothing, [()] * 3)

    assert metadata() == [{"request_id": "r1"}] * 3
    assert [result.metadata for result in results] == metadata()
    assert get_result(results[0].id).metadata == {"request_id": "r1"}


def test_what_is_costly_is_asked_for_when_a_job_is_enqueued():
    asked = []

    def user():
        asked.append(True)
        return 7

    with job_metadata(user=user, nobody=None, unknown=lambda: None):
        assert asked == []
        nothing.enqueue()

    assert metadata() == [{"user": 7}]


def test_what_is_costly_may_use_the_database_where_the_loop_may_not():
    async def enqueue():
        with job_metadata(jobs=Job.objects.count):
            await nothing.aenqueue()

    async_to_sync(enqueue)()

    assert metadata() == [{"jobs": 0}]


def test_what_is_no_json_or_too_large_is_refused():
    with job_metadata(user=object()), pytest.raises(TypeError):
        nothing.enqueue()
    with job_metadata(page="x" * 300_000), pytest.raises(PayloadTooLarge, match="The metadata for tests"):
        nothing.enqueue()

    assert not Job.objects.exists()


@pytest.mark.parametrize("task", [tell_about_me, tell_about_me_async], ids=["sync", "async"])
@pytest.mark.parametrize("alias", ["default", "leased"])
def test_a_job_knows_itself(task, alias):
    with job_metadata(request_id="r1"):
        result = task.using(backend=alias, queue_name="mail").enqueue()
    drain()
    result.refresh()

    assert result.return_value == [result.id, task.module_path, "mail", 1, {"request_id": "r1"}]
    assert current_job() is None


def test_the_context_has_the_metadata():
    with job_metadata(request_id="r1"):
        result = tell_metadata.enqueue()
    drain()
    result.refresh()

    assert result.return_value == {"request_id": "r1"}
    run = prepare(claim(UUID(tell_metadata.enqueue().id), "ada"))
    _, [context], _ = run._ready_to_call()
    assert isinstance(context, TaskContext)
    assert context.attempt == 1


def test_what_a_job_enqueues_carries_its_metadata_on():
    with job_metadata(request_id="r1"):
        pass_on.enqueue()
    drain()

    assert metadata() == [{"request_id": "r1"}, {"request_id": "r1", "step": "two"}]


def test_a_job_does_not_carry_what_its_worker_happens_to_have():
    pass_on.enqueue()
    with job_metadata(request_id="of another"):
        drain()

    assert metadata() == [{}, {"step": "two"}]


def test_what_a_receiver_enqueues_carries_the_metadata_of_its_job():
    def follow_up(task_result, **_):
        if task_result.task.name == "nothing":
            index.enqueue(1)

    with job_metadata(request_id="r1"):
        nothing.enqueue()
    with connected(follow_up, task_finished):
        drain()

    assert metadata() == [{"request_id": "r1"}] * 2


def test_a_stand_in_keeps_its_own_metadata():
    with job_metadata(request_id="r1"):
        index.enqueue(1)
    with job_metadata(request_id="r2"):
        result = index.enqueue(1)

    assert metadata() == [{"request_id": "r1"}]
    assert result.metadata == {"request_id": "r1"}


@pytest.mark.parametrize("column", [[], "x", 7], ids=repr)
def test_metadata_that_are_no_mapping_harm_nothing(column):
    add_job(task=tell_about_me.module_path, metadata=column)

    [result] = drain()

    assert result.return_value[-1] == {}


# --- the current job -------------------------------------------------------------------------------


@pytest.fixture
def inside():
    """Be inside a running job."""
    with job_metadata(request_id="r1"):
        result = nothing.enqueue()
    with running(prepare(claim(UUID(result.id), "ada"))):
        yield result.id


def test_the_current_job_is_the_same_in_threads_and_loops(inside):
    async def ask():
        return [
            current_job(),
            await sync_to_async(current_job)(),
            await sync_to_async(current_job, thread_sensitive=False)(),
            await asyncio.to_thread(current_job),
            await asyncio.create_task(_ask()),
        ]

    async def _ask():
        return current_job()

    assert [job.id for job in async_to_sync(ask)()] == [inside] * 5


def test_a_thread_of_ones_own_belongs_to_the_job_in_a_copy_of_the_context(inside):
    seen = []
    context = contextvars.copy_context()
    for target in (
        lambda: seen.append(current_job()),
        lambda: context.run(lambda: seen.append(current_job())),
    ):
        thread = threading.Thread(target=target)
        thread.start()
        thread.join()

    assert [job and job.id for job in seen] == [None, inside]


def test_the_current_job_shows_its_progress(inside):
    assert current_job().progress is None

    report_progress(3, 10)

    assert (current_job().progress.done, current_job().progress.total) == (3, 10)


def test_the_attempt_is_the_one_that_the_context_shows():
    result = succeed_at.enqueue(3)
    seen = []

    def look(task_result, **_):
        seen.append((current_job().attempt, task_result.attempts))

    with connected(look, task_started):
        drain()
        snooze.enqueue(0, 1)
        drain()
        drain()

    assert seen == [(1, 1), (2, 2), (3, 3), (1, 1), (1, 1)]
    result.refresh()
    assert result.return_value == 3


# --- logs ------------------------------------------------------------------------------------------


@pytest.fixture
def lines():
    """Return the formatted lines of a handler with the filter."""
    layout = "%(job_id)s %(task)s %(queue)s %(attempt)s %(message)s"
    with lines_of(JobFilter(), layout, "tests.lines") as written:
        yield written


def test_log_records_within_a_job_name_it(lines):
    result = log_a_line.using(queue_name="mail").enqueue("hello")
    drain()

    start = f"{result.id} tests.example.tasks.log_a_line mail"
    assert lines == [f"{start} 1 hello", f"{start} 2 hello"]


def test_log_records_outside_a_job_can_be_formatted_too(lines):
    logging.getLogger("tests.lines").warning("hello")

    assert lines == ["- - - - hello"]


def test_what_a_record_says_already_stays(lines, inside):
    logging.getLogger("tests.lines").warning("hello", extra={"task": "mine"})

    assert lines == [f"{inside} mine default 1 hello"]


SITE = """
import logging
import django
from django.conf import settings

settings.configure(
    INSTALLED_APPS=["taskyard"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    LOGGING={
        "version": 1,
        "filters": {"job": {"()": "taskyard.logs.JobFilter"}},
        "formatters": {"job": {"format": "[%(job_id)s] %(message)s"}},
        "handlers": {"out": {"class": "logging.StreamHandler", "filters": ["job"], "formatter": "job"}},
        "root": {"handlers": ["out"]},
    },
)
django.setup()
logging.warning("hello")
"""


def test_the_filter_can_be_named_in_the_settings(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", SITE], env=environment(tmp_path), capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "[-] hello\n")


# --- traces ----------------------------------------------------------------------------------------


TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{SPAN}-01"


@pytest.fixture
def trace():
    return pytest.importorskip("opentelemetry.trace")


def test_a_job_carries_the_trace_it_was_enqueued_in(trace):
    span = trace.SpanContext(int(TRACE, 16), int(SPAN, 16), is_remote=False, trace_flags=trace.TraceFlags(1))
    with trace.use_span(trace.NonRecordingSpan(span)):
        nothing.enqueue()
        async_to_sync(nothing.aenqueue)()
    nothing.enqueue()

    assert metadata() == [{"traceparent": TRACEPARENT}] * 2 + [{}]


def test_a_span_within_a_job_belongs_to_that_trace(trace):
    seen = []

    def look(**_):
        seen.append(trace.get_current_span().get_span_context())

    with job_metadata(traceparent=TRACEPARENT):
        nothing.enqueue()
    nothing.enqueue()
    with connected(look, task_finished):
        drain()

    assert [(f"{span.trace_id:032x}", f"{span.span_id:016x}") for span in seen[:1]] == [(TRACE, SPAN)]
    assert not seen[1].is_valid


def test_a_trace_goes_on_without_the_library():
    with job_metadata(traceparent=TRACEPARENT):
        pass_on.enqueue()
    drain()

    assert [each["traceparent"] for each in metadata()] == [TRACEPARENT] * 2

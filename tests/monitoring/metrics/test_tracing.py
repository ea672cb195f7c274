"""One trace from the enqueueing of a job to what its task does, wherever OpenTelemetry is set up."""

import json
import sys
from uuid import UUID

import pytest
from django.db import connections
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import ProxyTracerProvider, SpanKind, StatusCode

from taskyard import enqueue_many
from taskyard.execution import AsyncEffects, attempt
from taskyard.models import Job
from taskyard.run import prepare
from taskyard.testing import drain
from taskyard.transitions import claim, conclude
from taskyard_monitoring import tracing
from tests.example import tasks
from tests.monitoring.metrics import traced
from tests.support.servers import wait_until

pytestmark = pytest.mark.django_db


@pytest.fixture
def exporter(monkeypatch):
    """Spans as they end, for as long as the test runs: a process's provider can be set but once."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    yield exporter
    provider.shutdown()


@pytest.fixture
def spans(exporter):
    """Return the ended spans by name, of those there is one of."""
    return lambda: {span.name: span for span in exporter.get_finished_spans()}


def parent_of(span):
    return span.parent and span.parent.span_id


def test_a_job_is_one_trace(spans):
    with trace.get_tracer("site").start_as_current_span("request") as request:
        result = traced.work.enqueue()
    drain()

    found = spans()
    assert set(found) == {"request", "create mail", "process mail", "work"}
    assert {span.context.trace_id for span in found.values()} == {request.context.trace_id}
    created, processed = found["create mail"], found["process mail"]
    assert parent_of(created) == request.context.span_id
    assert parent_of(processed) == created.context.span_id
    assert [link.context.span_id for link in processed.links] == [created.context.span_id]
    assert parent_of(found["work"]) == processed.context.span_id
    assert (created.kind, processed.kind) == (SpanKind.PRODUCER, SpanKind.CONSUMER)
    shared = {
        "messaging.system": "taskyard",
        "messaging.destination.name": "mail",
        "messaging.message.id": result.id,
        "taskyard.engine": "embedded",
        "taskyard.task": traced.work.module_path,
    }
    assert dict(created.attributes) == {
        **shared,
        "messaging.operation.name": "create",
        "messaging.operation.type": "create",
    }
    assert dict(processed.attributes) == {
        **shared,
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "taskyard.attempt": 1,
        "taskyard.worker": "taskyard.testing",
        "taskyard.outcome": "succeed",
    }
    assert processed.status.status_code is StatusCode.UNSET


def test_a_job_that_nobody_traced_begins_a_trace(spans):
    traced.work.enqueue()
    Job.objects.update(metadata={})
    drain()

    processed = spans()["process mail"]
    assert processed.parent is None
    assert processed.links == ()


def test_each_of_many_jobs_has_a_span_of_its_own(exporter):
    enqueue_many(traced.work, [(), (), ()])
    drain()

    created = [span for span in exporter.get_finished_spans() if span.kind is SpanKind.PRODUCER]
    processed = [span for span in exporter.get_finished_spans() if span.kind is SpanKind.CONSUMER]
    assert len({span.context.span_id for span in created}) == 3
    assert {parent_of(span) for span in processed} == {span.context.span_id for span in created}


def test_what_a_job_enqueues_belongs_to_its_trace(spans):
    traced.enqueue_work.enqueue()
    drain()

    found = spans()
    assert len({span.context.trace_id for span in found.values()}) == 1
    assert parent_of(found["create mail"]) == found["process default"].context.span_id


def test_a_failure_is_recorded_with_its_exception(exporter, effects):
    tasks.fail_thrice.enqueue()
    drain(scheduled=True)

    attempts = [span for span in exporter.get_finished_spans() if span.kind is SpanKind.CONSUMER]
    assert [span.attributes["taskyard.outcome"] for span in attempts] == ["retry", "retry", "fail"]
    assert [span.attributes["taskyard.attempt"] for span in attempts] == [1, 2, 3]
    assert len({parent_of(span) for span in attempts}) == 1
    for span in attempts:
        assert span.attributes["error.type"] == "builtins.ValueError"
        assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "again")
        [event] = span.events
        assert event.name == "exception"
        assert event.attributes["exception.type"] == "builtins.ValueError"
        assert event.attributes["exception.message"] == "again"
        assert "Traceback" in event.attributes["exception.stacktrace"]


@pytest.mark.django_db(transaction=True)
async def test_async_attempts_side_by_side_keep_their_spans(exporter):
    import asyncio

    from asgiref.sync import sync_to_async

    results = [await traced.work_async.aenqueue(number) for number in range(3)]

    async def record(outcome):
        return bool(await sync_to_async(conclude)([outcome]))

    async def run(result):
        job = await sync_to_async(claim)(UUID(result.id), "ada")
        await attempt(await sync_to_async(prepare)(job), AsyncEffects(record))

    await asyncio.gather(*map(run, results))
    await sync_to_async(connections.close_all)()

    ended = exporter.get_finished_spans()
    processed = {span.context.span_id: span for span in ended if span.kind is SpanKind.CONSUMER}
    made = [span for span in ended if span.name.startswith("work ")]
    assert len(processed) == len(made) == 3
    for span in made:
        mother = processed[parent_of(span)]
        number = int(span.name.removeprefix("work "))
        assert mother.attributes["messaging.message.id"] == str(results[number].id)
    assert trace.get_current_span().get_span_context().is_valid is False


def test_a_refused_outcome_says_so(spans):
    from taskyard.execution import SyncEffects, run_now

    traced.work.enqueue()
    run = prepare(claim(Job.objects.get().pk, "ada"))

    run_now(attempt(run, SyncEffects(lambda _: False)))

    assert spans()["process mail"].attributes["taskyard.outcome"] == "refused"


def test_without_a_provider_nothing_is_traced(monkeypatch):
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    assert isinstance(trace.get_tracer_provider(), ProxyTracerProvider)

    traced.work.enqueue()
    assert Job.objects.get().metadata == {}
    drain()

    assert tracing._present.get() is None


def test_where_nobody_uses_the_library_it_is_not_loaded(script):
    done = script(
        "import sys\n"
        "from tests.example.tasks import nothing\n"
        "nothing.enqueue()\n"
        "from taskyard.testing import drain\n"
        "drain()\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])\n"
    )

    assert done.stdout == "[]\n", done.stderr
    assert "opentelemetry" in sys.modules, "it is here"


@pytest.mark.django_db(transaction=True)
def test_a_real_worker_goes_on_with_the_trace_of_who_enqueued(start, spans, tmp_path):
    with trace.get_tracer("site").start_as_current_span("request") as request:
        traced.work.enqueue()
        traced.work_async.enqueue(7)

    worker = start("worker", "--burst", "--settings", "tests.monitoring.metrics.site_with_traces")

    assert worker.ended() == 0, worker.log
    wait_until((tmp_path / "spans").exists, "spans were written")
    written = [json.loads(line) for line in (tmp_path / "spans").read_text().splitlines()]
    by_name = {each["name"]: each for each in written}
    assert set(by_name) == {"process mail", "work", "process default", "work 7"}
    created = spans()
    for queue, inner in (("mail", "work"), ("default", "work 7")):
        processed = by_name[f"process {queue}"]
        assert int(processed["context"]["trace_id"], 16) == request.context.trace_id
        assert int(processed["parent_id"], 16) == created[f"create {queue}"].context.span_id
        assert by_name[inner]["parent_id"] == processed["context"]["span_id"]

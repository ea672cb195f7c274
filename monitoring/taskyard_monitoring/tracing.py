"""Traces by OpenTelemetry, from the enqueueing of a job to its run, wherever the site has set that up.

A job is made within a span `create <queue>`, whose context travels in the job's metadata; each attempt runs
within a span `process <queue>`, a child of it and linked to it, and what the task does are children of that.
The names and attributes are those of OpenTelemetry's conventions for messaging.

The library is loaded by whoever sets up tracing; where nobody does, a job costs one look into a dict.
"""

import sys
from collections.abc import Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from taskyard import history
from taskyard.backend import JobBackend
from taskyard.models import Job
from taskyard.run import Run
from taskyard.signals import attempt_ended, attempt_started, jobs_created
from taskyard.states import Event
from taskyard.transitions import Outcome

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

_present: ContextVar[tuple["Span", Any] | None] = ContextVar("taskyard_span", default=None)
"""The span of the attempt that runs here, and what detaches it."""


def connect() -> None:
    """Start tracing, where the site has set it up."""
    jobs_created.connect(_create)
    attempt_started.connect(_begin)
    attempt_ended.connect(_end)


def _tracer() -> "Tracer | None":
    """Return what makes spans; None where the site traces nothing."""
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None or isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        return None
    tracer: Tracer = trace.get_tracer("taskyard")
    return tracer


# --- enqueueing ---


def _create(sender: type[JobBackend], jobs: Sequence[Job], **_: Any) -> None:
    tracer = _tracer()
    if tracer is None:
        return
    from opentelemetry.trace import SpanKind, set_span_in_context  # noqa: PLC0415 - optional

    for job in jobs:
        span = tracer.start_span(
            f"create {job.queue}",
            kind=SpanKind.PRODUCER,
            attributes=_attributes("create", sender.engine, job),
        )
        carrier: dict[str, str] = {}
        _propagator().inject(carrier, set_span_in_context(span))
        job.metadata = {**job.metadata, **carrier}
        span.end()


# --- running ---


def _begin(run: Run, **_: Any) -> None:
    tracer = _tracer()
    if tracer is None:
        return
    from opentelemetry import context  # noqa: PLC0415 - optional
    from opentelemetry.trace import (  # noqa: PLC0415
        Link,
        SpanKind,
        get_current_span,
        set_span_in_context,
    )

    # What the job's metadata name is the current span by now: see `taskyard.metadata.continued_trace`.
    created = get_current_span().get_span_context()
    span = tracer.start_span(
        f"process {run.job.queue}",
        kind=SpanKind.CONSUMER,
        links=[Link(created)] if created.is_valid else None,
        attributes={
            **_attributes("process", run.backend.engine, run.job),
            "taskyard.attempt": run.job.attempt,
            "taskyard.worker": run.job.worker,
        },
    )
    _present.set((span, context.attach(set_span_in_context(span))))


def _end(run: Run, outcome: Outcome | None, **_: Any) -> None:
    present = _present.get()
    if present is None:
        return
    from opentelemetry import context  # noqa: PLC0415 - optional

    _present.set(None)
    span, token = present
    context.detach(token)
    if outcome is None:
        span.set_attribute("taskyard.outcome", "refused")
    else:
        span.set_attribute("taskyard.outcome", outcome.event.value)
        if outcome.event in (Event.FAIL, Event.RETRY, Event.CANCEL):
            _note_error(span, outcome)
    span.end()


def _note_error(span: "Span", outcome: Outcome) -> None:
    from opentelemetry.trace import StatusCode  # noqa: PLC0415 - optional

    entry: history.Entry = outcome.history[-1] if outcome.history else {}
    error = entry.get("error")
    if not error:
        return
    lines = error["traceback"].strip().splitlines() or [""]
    message = lines[-1].partition(": ")[2]
    span.add_event(
        "exception",
        {
            "exception.type": error["type"],
            "exception.message": message,
            "exception.stacktrace": error["traceback"],
        },
    )
    span.set_attribute("error.type", error["type"])
    span.set_status(StatusCode.ERROR, message)


# --- what both have ---


def _attributes(operation: str, engine: str, job: Job) -> dict[str, str]:
    return {
        "messaging.system": "taskyard",
        "messaging.destination.name": job.queue,
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "messaging.message.id": str(job.id),
        "taskyard.engine": engine,
        "taskyard.task": job.task,
    }


def _propagator() -> Any:
    from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415 - optional
        TraceContextTextMapPropagator,
    )

    return TraceContextTextMapPropagator()

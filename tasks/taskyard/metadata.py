"""What travels with a job from its enqueueing to its run, beside its arguments.

    with job_metadata(request_id=request.headers["X-Request-Id"], user=request.user.pk):
        send_receipt.enqueue(order.pk)

Within a job its own metadata hold, so that what it enqueues carries them on. The trace context of
OpenTelemetry (the W3C's `traceparent`) travels by itself wherever that library is in use.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from .tags import check_tags

_present: ContextVar[Mapping[str, Any]] = ContextVar("taskyard_metadata")


@contextmanager
def job_metadata(**metadata: Any) -> Iterator[None]:
    """Let jobs that are enqueued within the block carry these, added to what holds already.

    Values are JSON, or functions without arguments that return such: those are called when a job is enqueued,
    so what is costly to find costs nothing where no job is. None leaves a name out.

    `tags` are words to find the jobs by, such as `["billing"]`; they are added to those that hold already and
    to those of the tasks' policies.

    Raises:
        TypeError, ValueError: where the tags are none.
    """
    present = _present.get({})
    if metadata.get("tags") is not None:
        metadata["tags"] = _added(present.get("tags"), metadata["tags"])
    with only({**present, **metadata}):
        yield


@contextmanager
def only(metadata: Mapping[str, Any]) -> Iterator[None]:
    """Let jobs that are enqueued within the block carry these and no others."""
    token = _present.set(metadata)
    try:
        yield
    finally:
        _present.reset(token)


def present_metadata() -> dict[str, Any]:
    """Return what a job that is enqueued now is to carry."""
    values = {name: _now(value) for name, value in _present.get({}).items()}
    return {name: value for name, value in values.items() if value is not None} | _trace_context()


def _now(value: Any) -> Any:
    return value() if callable(value) else value


def _added(tags: Any, more: Any) -> Any:
    """Return a function of what both say; a mistake is told at once where it can be."""
    if not callable(more):
        check_tags(more)
    return lambda: [*(_now(tags) or ()), *check_tags(_now(more))]


@contextmanager
def continued_trace(metadata: Mapping[str, Any]) -> Iterator[None]:
    """Let spans within the block belong to the trace that the metadata name."""
    if "traceparent" not in metadata or not _opentelemetry_is_in_use():
        yield
        return
    from opentelemetry import context  # noqa: PLC0415 - optional

    token = context.attach(_propagator().extract(metadata))
    try:
        yield
    finally:
        context.detach(token)


def _trace_context() -> dict[str, str]:
    carrier: dict[str, str] = {}
    if _opentelemetry_is_in_use():
        _propagator().inject(carrier)
    return carrier


def _opentelemetry_is_in_use() -> bool:
    """Tell whether this process can have a trace at all, without loading what it does not use."""
    return "opentelemetry.trace" in sys.modules


def _propagator() -> Any:
    from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415 - optional
        TraceContextTextMapPropagator,
    )

    return TraceContextTextMapPropagator()

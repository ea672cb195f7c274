"""The tests' settings for a site that has set up OpenTelemetry: spans are lines of JSON in a file."""

import os
from pathlib import Path

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

from tests.settings import *  # noqa: F403


class _File:
    def write(self, text):
        with (Path(os.environ["TASKYARD_TEST_EFFECTS"]) / "spans").open("a") as file:
            file.write(text)

    def flush(self):
        """Nothing is held back."""


_provider = TracerProvider()
_provider.add_span_processor(
    SimpleSpanProcessor(
        ConsoleSpanExporter(out=_File(), formatter=lambda span: span.to_json(indent=None) + "\n")
    )
)
trace.set_tracer_provider(_provider)

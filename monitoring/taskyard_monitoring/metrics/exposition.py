"""All that the site's `/metrics` shows, in the format that a scrape asks for."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from prometheus_client import REGISTRY, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from .gauges import DatabaseGauges
from .processes import VARIABLE, Folder

_gauges = DatabaseGauges()


class _All(Collector):
    """What the database tells, and what this process, or all that share its folder, have counted."""

    def __init__(self, counted: Collector) -> None:
        self._counted = counted

    def collect(self) -> Iterator[Metric]:
        yield from _gauges.collect()
        yield from self._counted.collect()


def exposed(accept: str) -> tuple[bytes, str]:
    """Return all metrics and their content type, as an Accept header wants them."""
    encode, content_type = choose_encoder(accept)
    with ExitStack() as stack:
        counted: Collector = REGISTRY
        if path := os.environ.get(VARIABLE):
            folder = Folder(Path(path))
            stack.enter_context(folder.held())
            counted = folder.registry()
        return encode(_All(counted)), content_type

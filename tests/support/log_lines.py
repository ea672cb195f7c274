"""What a handler writes, for tests of what log records say."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def lines_of(adding: logging.Filter, layout: str, *names: str) -> Iterator[list[str]]:
    """Collect the lines that a handler with this filter writes of these loggers' records."""
    written: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(self.format(record))

    handler = Handler()
    handler.addFilter(adding)
    handler.setFormatter(logging.Formatter(layout))
    loggers = [logging.getLogger(name) for name in names]
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield written
    finally:
        for logger in loggers:
            logger.removeHandler(handler)

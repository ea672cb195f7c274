"""News in the words of Server-Sent Events."""

import random
from collections.abc import Iterable

from .news import News

RECONNECT = "retry: 2000\n\n"
"""After how many milliseconds a browser is to come back when the stream has ended."""


def events_of(news: Iterable[News]) -> str:
    """Return news as they go over the wire."""
    return "".join(map(_event, news))


def heartbeat(position: str) -> str:
    """Return what is sent when there are no news, for proxies cut off who is silent.

    Pages see nothing of it: a comment, and where in the course of events they are.
    """
    return f": all is quiet\nid: {position}\n\n" if position else ": all is quiet\n\n"


def goodbye() -> str:
    """Return the last event before this process shuts down: browsers are to come back, not all at once."""
    return f"event: bye\nretry: {random.randint(1_000, 5_000)}\ndata: {{}}\n\n"  # noqa: S311 - no secret


def _event(news: News) -> str:
    # JSON has no line breaks of its own, so one line of data is enough.
    id_line = f"id: {news.id}\n" if news.id else ""
    return f"{id_line}event: {news.name}\ndata: {news.text}\n\n"

"""What a page is told, in the words of Server-Sent Events."""

import json
from typing import Any

HEARTBEAT = ": all is quiet\n\n"
"""A comment, which pages do not see: who sends nothing for long is cut off by proxies."""

RECONNECT = "retry: 2000\n\n"
"""After how many milliseconds a browser is to come back when the stream has ended."""


def event(name: str, /, **data: Any) -> str:
    """Return an event as it goes over the wire."""
    # JSON has no line breaks of its own, so one line of data is enough.
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}\n\n"

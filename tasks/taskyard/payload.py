"""Arguments and return values on their way into a JSON column."""

import json
from functools import partial
from typing import Any

from .compat import normalize_json
from .exceptions import PayloadTooLarge, UnsupportedPayload

DEEPEST = 30
"""Levels of nesting: no more than MariaDB's JSON columns take, so that a job fits in any database."""


def storable(what: str, value: Any, limit: int, option: str) -> Any:
    """Return `value` as plain JSON types, checked for what a database would refuse later.

    Args:
        what: names the value in errors, such as "The arguments of shop.tasks.send_receipt do".
        value: what to store.
        limit: the most bytes it may take as JSON text.
        option: the backend's option that sets the limit, named in the error.

    Raises:
        TypeError: where the value is not JSON, as Django's task framework wants it.
        PayloadTooLarge: over the limit.
        UnsupportedPayload: JSON that a JSON column cannot hold (NaN, infinity, NUL characters).
    """
    try:
        normalized = normalize_json(value)
        text = json.dumps(normalized, allow_nan=False, ensure_ascii=False)
        size = len(text.encode())
    except RecursionError as error:
        raise _nested_too_deep(what) from error
    except UnicodeEncodeError as error:
        raise UnsupportedPayload(
            f"{what} not fit in a JSON column: a string holds half of a character ({error}). Decode the text "
            "it comes from with the right encoding."
        ) from error
    except ValueError as error:
        raise UnsupportedPayload(
            f"{what} not fit in a JSON column: {error}. JSON has no NaN or infinity; send None or a string."
        ) from error
    if "\\u0000" in text and _holds_nul(normalized):
        raise UnsupportedPayload(
            f"{what} not fit in a JSON column: a string holds the character NUL (U+0000), which databases "
            "refuse. Remove it, or encode binary data with base64."
        )
    if size > limit:
        raise PayloadTooLarge(
            f"{what} not fit: {size:,} bytes as JSON, over the limit of {limit:,}. Store the data elsewhere "
            f"and send a key to it, or raise the backend's option {option}."
        )
    if text.count("[") + text.count("{") > DEEPEST and _depth(normalized) > DEEPEST:
        raise _nested_too_deep(what)
    # As it will be read back: JSON's keys are strings.
    read_back = json.loads(text)
    if read_back != normalized:
        json.loads(text, object_pairs_hook=partial(_refuse_repeated_keys, what))
    return read_back


def clean_text(text: str) -> str:
    """Return text that every database takes: what it would refuse is spelt out."""
    return text.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode()


def _nested_too_deep(what: str) -> UnsupportedPayload:
    return UnsupportedPayload(
        f"{what} not fit in a JSON column: the value is nested more than {DEEPEST} levels deep, "
        "or holds itself."
    )


def _depth(value: Any) -> int:
    match value:
        case dict():
            return 1 + max(map(_depth, value.values()), default=0)
        case list():
            return 1 + max(map(_depth, value), default=0)
        case _:
            return 0


def _refuse_repeated_keys(what: str, pairs: list[tuple[str, Any]]) -> None:
    keys = [key for key, _ in pairs]
    repeated = sorted({key for key in keys if keys.count(key) > 1})
    if repeated:
        raise UnsupportedPayload(
            f"{what} not fit in a JSON column: keys there are strings, and {', '.join(map(repr, repeated))} "
            "would stand twice in one object."
        )


def _holds_nul(value: Any) -> bool:
    """Tell a NUL character from a backslash followed by the letters u0000."""
    match value:
        case str():
            return "\x00" in value
        case dict():
            return any(_holds_nul(key) or _holds_nul(each) for key, each in value.items())
        case list():
            return any(_holds_nul(each) for each in value)
        case _:
            return False

"""Tags: words by which jobs are found, given by a task's policy and by the metadata that hold."""

from collections.abc import Iterable
from typing import Any

LONGEST_TAG = 50
"""Characters."""


def check_tags(tags: object) -> tuple[str, ...]:
    """Return tags without duplicates, in their order.

    Raises:
        TypeError: where they are no list of texts.
        ValueError: where one is not short, or cannot be read.
    """
    if isinstance(tags, str) or not isinstance(tags, Iterable):
        raise TypeError(f"tags={tags!r}: give a list or tuple of short texts, such as ('billing', 'eu').")
    return tuple(dict.fromkeys(map(check_tag, tags)))


def check_tag(tag: object) -> str:
    """Return a tag.

    Raises:
        TypeError: where it is no text.
        ValueError: where it is not short, or cannot be read.
    """
    if not isinstance(tag, str):
        raise TypeError(f"The tag {tag!r} is a {type(tag).__name__}; give a text.")
    if not tag or len(tag) > LONGEST_TAG or not tag.isprintable() or tag != tag.strip():
        raise ValueError(
            f"The tag {tag!r}: give 1 to {LONGEST_TAG} characters that can be seen, no space around them."
        )
    return tag


def tags_of(metadata: Any) -> tuple[str, ...]:
    """Return the tags in metadata; what other hands put there and is none is left out."""
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    return tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else ()

"""The words of a search as they were typed: quoted ones whole, their quotation marks kept."""

import re
import shlex

_WORD = re.compile(r"""(?:[^\s"']|"(?:[^"\\]|\\.)*"?|'[^']*'?)+""")


def raw_words(text: str) -> list[str]:
    """Return the words of a search just as they stand in it."""
    return _WORD.findall(text)


def word_at(text: str, caret: int) -> tuple[int, int]:
    """Return where the word that the caret touches starts and ends; the caret itself twice where none is."""
    for match in _WORD.finditer(text):
        if match.start() <= caret <= match.end():
            return match.start(), match.end()
    return caret, caret


def with_word(text: str, word: str) -> str:
    """Return the search narrowed by one more word, once."""
    words = raw_words(text)
    return " ".join(words if word in words else [*words, word])


def with_state(text: str, state: str) -> str:
    """Return the search for the same among jobs of another state; "" for all states."""
    others = [word for word in raw_words(text) if not word.startswith("state:")]
    return " ".join([*others, f"state:{state}"] if state else others)


def qualified(qualifier: str, value: str) -> str:
    """Return a qualifier with its value, quoted where a search would read the value as several words."""
    return f"{qualifier}:{shlex.quote(value)}"
